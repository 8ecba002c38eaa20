/* Start-up of a 32-bit RISC-V without a C library: stack, static data, report of traps. */
#include <stdint.h>

#include "_semihosting.h"

extern uint32_t __data_start[], __data_end[], __text_end[], __bss_start[], __bss_end[];
extern uint32_t __stack_top[];
void Reset_Handler(void);
void harness_start(void);
void harness_fault(uint32_t pc);
int harness_main(void);

/* The stack pointer may have left RAM, so nothing may touch the stack before it is set anew. */
__attribute__((naked, used, aligned(4))) static void fault_handler(void) {
    __asm__ volatile("la sp, __stack_top\n\t"
                     "csrr a0, mepc\n\t"
                     "j harness_fault");
}

__attribute__((naked, used, section(".vectors"))) void Reset_Handler(void) {
    __asm__ volatile("la sp, __stack_top\n\t"
                     "la t0, %0\n\t"
                     "csrw mtvec, t0\n\t"
                     "j harness_start" ::"i"(fault_handler));
}

__attribute__((used, noreturn)) void harness_fault(uint32_t pc) {
    semihosting_tell_fault(pc);
    semihosting_exit(HARNESS_EXIT_FAULT);
}

__attribute__((used, noreturn)) void harness_start(void) {
    const uint32_t *from = __text_end;
    for (volatile uint32_t *word = __data_start; word < __data_end;) *word++ = *from++;
    for (volatile uint32_t *word = __bss_start; word < __bss_end;) *word++ = 0;
    semihosting_exit(harness_main());
}
