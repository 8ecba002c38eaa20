/* Runs a model on an AVR for as long as the runner feeds it: the runner stops the program at harness_ready, reads the outputs of
   the last vector from memory and writes the next one there. */
#include <stdint.h>

#include "harness_calls.h"

volatile uint8_t harness_model;
uint8_t harness_input[HARNESS_INPUT_BYTES + 1], harness_output[HARNESS_OUTPUT_BYTES + 1];

__attribute__((noinline, noclone)) void harness_ready(void);

void harness_ready(void) {
    __asm__ volatile("" ::: "memory");
}

int main(void) {
    for (;;) {
        harness_ready();
        harness_call(harness_model, harness_input, harness_output);
    }
}
