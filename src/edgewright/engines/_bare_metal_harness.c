/* Runs vectors through a model on a board without an operating system: reads vectors.bin, writes outputs.bin by semihosting.
   After the outputs of each vector comes a word: the ticks of the clock around the call, for emulators that have one. */
#include <stdint.h>

#include "_semihosting.h"
#include "harness_calls.h"

static uint32_t input[HARNESS_INPUT_BYTES / 4 + 1], output[HARNESS_OUTPUT_BYTES / 4 + 1];

int harness_main(void);

int harness_main(void) {
    uint32_t header[4]; /* model, vectors, bytes of the inputs, bytes of the outputs */
    const int32_t vectors = semihosting_open("vectors.bin", 11, OPEN_READ_BINARY);
    const int32_t outputs = semihosting_open("outputs.bin", 11, OPEN_WRITE_BINARY);
    if (vectors < 0 || outputs < 0 || semihosting_move(SYS_READ, vectors, header, sizeof header)) return HARNESS_EXIT_FILES;
    clock_start();
    for (uint32_t n = 0; n < header[1]; n++) {
        if (semihosting_move(SYS_READ, vectors, input, header[2])) return HARNESS_EXIT_FILES;
        for (uint32_t word = 0; word < header[3] / 4; word++) {
            *(volatile uint32_t *)&output[word] = HARNESS_UNWRITTEN * 0x01010101u;
        }
        const uint32_t before = clock_begin();
        harness_call(header[0], (const uint8_t *)input, (uint8_t *)output);
        output[header[3] / 4] = clock_ticks(before);
        if (semihosting_move(SYS_WRITE, outputs, output, header[3] + 4)) return HARNESS_EXIT_FILES;
    }
    semihosting_close(outputs);
    return 0;
}
