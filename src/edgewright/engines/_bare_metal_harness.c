/* Runs vectors through a model on a board without an operating system: reads vectors.bin, writes outputs.bin by semihosting.
   After the outputs of each vector comes a word: the ticks of the clock around the call, for emulators that have one. */
#include <stdint.h>

#include "_semihosting.h"
#include "harness_calls.h"

typedef struct {
    uint32_t model, vectors, input_bytes, output_bytes;
} header;

uint32_t harness_input[HARNESS_INPUT_BYTES / 4 + 1], harness_output[HARNESS_OUTPUT_BYTES / 4 + 1];

int harness_main(void);
int32_t harness_exchange(uint32_t by_calls, const header *of, int32_t vectors, int32_t outputs, uint32_t done);

/* Hands out what vector number `done - 1` gave and fetches number `done`, where there are such; returns 0 when all was moved.
   An emulator that reaches memory itself does both when it sees this function begin, and puts 0 into its first argument. */
__attribute__((noinline)) int32_t harness_exchange(uint32_t by_calls, const header *of, int32_t vectors, int32_t outputs,
                                                   uint32_t done) {
    if (!by_calls) return 0;
    if (done && semihosting_move(SYS_WRITE, outputs, harness_output, of->output_bytes + 4)) return 1;
    if (done == of->vectors) return 0;
    for (uint32_t word = 0; word < of->output_bytes / 4; word++) {
        *(volatile uint32_t *)&harness_output[word] = HARNESS_UNWRITTEN * 0x01010101u;
    }
    return semihosting_move(SYS_READ, vectors, harness_input, of->input_bytes);
}

int harness_main(void) {
    header of = {0, 0, 0, 0};
    uint32_t by_calls = 1;
    const int32_t vectors = semihosting_open("vectors.bin", 11, OPEN_READ_BINARY);
    const int32_t outputs = semihosting_open("outputs.bin", 11, OPEN_WRITE_BINARY);
    if (vectors < 0 || outputs < 0 || semihosting_move(SYS_READ, vectors, &of, sizeof of)) return HARNESS_EXIT_FILES;
    clock_start();
    for (uint32_t done = 0;; done++) {
        __asm__ volatile("" : "+r"(by_calls)); /* the compiler must not know it, or it would leave the argument out */
        if (harness_exchange(by_calls, &of, vectors, outputs, done)) return HARNESS_EXIT_FILES;
        if (done == of.vectors) break;
        const uint32_t before = clock_begin();
        harness_call(of.model, (const uint8_t *)harness_input, (uint8_t *)harness_output);
        harness_output[of.output_bytes / 4] = clock_ticks(before);
    }
    semihosting_close(outputs);
    return 0;
}
