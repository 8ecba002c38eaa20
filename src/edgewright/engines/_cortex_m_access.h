/* What the harness needs of a Cortex-M: the call of semihosting, and SysTick as a clock. */
#ifndef HARNESS_ACCESS_H
#define HARNESS_ACCESS_H

#include <stdint.h>

#define SYSTICK_CONTROL (*(volatile uint32_t *)0xE000E010u)
#define SYSTICK_RELOAD (*(volatile uint32_t *)0xE000E014u)
#define SYSTICK_VALUE (*(volatile uint32_t *)0xE000E018u)
#define SYSTICK_MASK 0xFFFFFFu
#define SYSTICK_WRAPPED (1u << 16)
#define TICKS_UNKNOWN 0xFFFFFFFFu

static inline int32_t semihosting_call(uint32_t operation, const void *argument) {
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return (int32_t)r0;
}

static inline void clock_start(void) {
    SYSTICK_RELOAD = SYSTICK_MASK;
    SYSTICK_CONTROL = 5; /* the processor's clock, no interrupt */
}

static inline uint32_t clock_begin(void) {
    SYSTICK_VALUE = 0; /* any write clears it; it counts down */
    return SYSTICK_VALUE;
}

static inline uint32_t clock_ticks(uint32_t before) {
    const uint32_t after = SYSTICK_VALUE;
    return SYSTICK_CONTROL & SYSTICK_WRAPPED ? TICKS_UNKNOWN : (before - after) & SYSTICK_MASK;
}

#endif
