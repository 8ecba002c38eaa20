/* Runs vectors through a model on this computer: program VECTORS OUTPUTS.
   Each input and output of the model is a block of the heap without slack, so that AddressSanitizer sees any access beside it. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *harness_apart(const void *value, size_t bytes) {
    void *block = malloc(bytes);
    if (!block) abort();
    return memcpy(block, value, bytes);
}

#include "harness_calls.h"

static int failed(const char *what) {
    fprintf(stderr, "harness: %s\n", what);
    return 3;
}

int main(int argc, char **argv) {
    uint32_t header[4]; /* model, vectors, bytes of the inputs, bytes of the outputs */
    if (argc != 3) return failed("usage: program VECTORS OUTPUTS");
    FILE *vectors = fopen(argv[1], "rb"), *outputs = fopen(argv[2], "wb");
    if (!vectors || !outputs || fread(header, sizeof header, 1, vectors) != 1) return failed("cannot open the files");
    uint8_t *input = malloc(header[2]), *output = malloc(header[3]);
    if (!input || !output) return failed("no memory");
    for (uint32_t n = 0; n < header[1]; n++) {
        if (fread(input, 1, header[2], vectors) != header[2]) return failed("the vectors end early");
        memset(output, HARNESS_UNWRITTEN, header[3]);
        harness_call(header[0], input, output);
        if (fwrite(output, 1, header[3], outputs) != header[3]) return failed("cannot write");
    }
    free(input);
    free(output);
    fclose(vectors);
    return fclose(outputs) == 0 ? 0 : failed("cannot write");
}
