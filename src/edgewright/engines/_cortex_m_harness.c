/* Runs vectors through a model on a Cortex-M: reads them from vectors.bin, writes outputs.bin by semihosting.
   After the outputs of each vector comes a word: the ticks of SysTick around the call, for emulators that have one. */
#include <stdint.h>

#include "_cortex_m_semihosting.h"
#include "harness_calls.h"

#define SYSTICK_CONTROL (*(volatile uint32_t *)0xE000E010u)
#define SYSTICK_RELOAD (*(volatile uint32_t *)0xE000E014u)
#define SYSTICK_VALUE (*(volatile uint32_t *)0xE000E018u)
#define SYSTICK_MASK 0xFFFFFFu
#define SYSTICK_WRAPPED (1u << 16)
#define TICKS_UNKNOWN 0xFFFFFFFFu

static uint32_t input[HARNESS_INPUT_BYTES / 4 + 1], output[HARNESS_OUTPUT_BYTES / 4 + 1];

int harness_main(void);

int harness_main(void) {
    uint32_t header[4]; /* model, vectors, bytes of the inputs, bytes of the outputs */
    const int32_t vectors = semihosting_open("vectors.bin", 11, OPEN_READ_BINARY);
    const int32_t outputs = semihosting_open("outputs.bin", 11, OPEN_WRITE_BINARY);
    if (vectors < 0 || outputs < 0 || semihosting_move(SYS_READ, vectors, header, sizeof header)) return HARNESS_EXIT_FILES;
    SYSTICK_RELOAD = SYSTICK_MASK;
    SYSTICK_CONTROL = 5; /* the processor's clock, no interrupt */
    for (uint32_t n = 0; n < header[1]; n++) {
        if (semihosting_move(SYS_READ, vectors, input, header[2])) return HARNESS_EXIT_FILES;
        for (uint32_t word = 0; word < header[3] / 4; word++) {
            *(volatile uint32_t *)&output[word] = HARNESS_UNWRITTEN * 0x01010101u;
        }
        SYSTICK_VALUE = 0; /* any write clears it; it counts down */
        const uint32_t before = SYSTICK_VALUE;
        harness_call(header[0], (const uint8_t *)input, (uint8_t *)output);
        const uint32_t after = SYSTICK_VALUE;
        output[header[3] / 4] = SYSTICK_CONTROL & SYSTICK_WRAPPED ? TICKS_UNKNOWN : (before - after) & SYSTICK_MASK;
        if (semihosting_move(SYS_WRITE, outputs, output, header[3] + 4)) return HARNESS_EXIT_FILES;
    }
    semihosting_close(outputs);
    return 0;
}
