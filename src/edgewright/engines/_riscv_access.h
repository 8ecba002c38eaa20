/* What the harness needs of a 32-bit RISC-V: the call of semihosting, and the counter of retired instructions as a clock. */
#ifndef HARNESS_ACCESS_H
#define HARNESS_ACCESS_H

#include <stdint.h>

/* An emulator knows the call by exactly these three instructions, uncompressed and within one page. */
__attribute__((noinline)) static int32_t semihosting_call(uint32_t operation, const void *argument) {
    register uint32_t a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = argument;
    __asm__ volatile(".option push\n\t.option norvc\n\t.balign 16\n\t"
                     "slli zero, zero, 0x1f\n\tebreak\n\tsrai zero, zero, 7\n\t"
                     ".option pop"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
    return (int32_t)a0;
}

static inline void clock_start(void) {
}

static inline uint32_t clock_begin(void) {
    uint32_t value;
    __asm__ volatile("csrr %0, minstret" : "=r"(value)::"memory");
    return value;
}

static inline uint32_t clock_ticks(uint32_t before) {
    return clock_begin() - before;
}

#endif
