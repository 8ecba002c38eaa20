/* Start-up of a Cortex-M without a C library: vector table, floating-point unit, static data, report of faults. */
#include <stdint.h>

#include "_semihosting.h"

#define CPACR (*(volatile uint32_t *)0xE000ED88u)

extern uint32_t __data_start[], __data_end[], __text_end[], __bss_start[], __bss_end[];
void __stack_top(void); /* an address, declared as a function to stand in the vector table */
void Reset_Handler(void);
void harness_fault(const uint32_t *frame);
int harness_main(void);

/* The stack pointer may have left RAM, so nothing may touch the stack before it is set anew. */
__attribute__((naked)) static void fault_handler(void) {
    __asm__ volatile("mrs r0, msp\n\t"
                     "ldr r1, =__stack_top\n\t"
                     "mov sp, r1\n\t"
                     "bl harness_fault\n\t"
                     ".ltorg");
}

__attribute__((used, section(".vectors"))) static void (*const vectors[16])(void) = {
    __stack_top,   Reset_Handler, fault_handler, fault_handler, fault_handler, fault_handler, fault_handler, fault_handler,
    fault_handler, fault_handler, fault_handler, fault_handler, fault_handler, fault_handler, fault_handler, fault_handler};

/* An exception pushes r0-r3, r12, lr, pc and the status; where that was not possible the pc is unknown and 0 is told. */
__attribute__((used, noreturn)) void harness_fault(const uint32_t *frame) {
    const uintptr_t place = (uintptr_t)frame;
    const int readable = place >= HARNESS_RAM_ORIGIN && place < (uintptr_t)__stack_top && place % 4 == 0;
    semihosting_tell_fault(readable ? frame[6] : 0);
    semihosting_exit(HARNESS_EXIT_FAULT);
}

__attribute__((noreturn)) void Reset_Handler(void) {
#if defined(__ARM_FP)
    CPACR |= 0xFu << 20; /* the floating-point unit is off after reset */
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
    const uint32_t *from = __text_end;
    for (volatile uint32_t *word = __data_start; word < __data_end;) *word++ = *from++;
    for (volatile uint32_t *word = __bss_start; word < __bss_end;) *word++ = 0;
    semihosting_exit(harness_main());
}
