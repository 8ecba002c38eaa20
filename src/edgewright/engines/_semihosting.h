/* Semihosting: the program asks its emulator to open, read and write files, to print and to exit. */
#ifndef HARNESS_SEMIHOSTING_H
#define HARNESS_SEMIHOSTING_H

#include <stdint.h>

#include "harness_board.h"

#define HARNESS_EXIT_FAULT 99
#define HARNESS_EXIT_FILES 98

enum { SYS_OPEN = 0x01, SYS_CLOSE = 0x02, SYS_WRITE0 = 0x04, SYS_WRITE = 0x05, SYS_READ = 0x06, SYS_EXIT_EXTENDED = 0x20 };
enum { OPEN_READ_BINARY = 1, OPEN_WRITE_BINARY = 5 };

static inline int32_t semihosting_open(const char *name, uint32_t bytes, uint32_t mode) {
    const uint32_t block[3] = {(uint32_t)(uintptr_t)name, mode, bytes};
    return semihosting_call(SYS_OPEN, block);
}

/* 0 when all bytes were moved */
static inline int32_t semihosting_move(uint32_t operation, int32_t file, const void *buffer, uint32_t bytes) {
    const uint32_t block[3] = {(uint32_t)file, (uint32_t)(uintptr_t)buffer, bytes};
    return semihosting_call(operation, block);
}

static inline void semihosting_close(int32_t file) {
    const uint32_t block[1] = {(uint32_t)file};
    (void)semihosting_call(SYS_CLOSE, block);
}

static inline void semihosting_tell_fault(uint32_t pc) {
    char text[] = "FAULT 00000000\n";
    for (int digit = 13; digit >= 6; digit--, pc >>= 4) text[digit] = "0123456789abcdef"[pc & 15u];
    (void)semihosting_call(SYS_WRITE0, text);
}

__attribute__((noreturn)) static inline void semihosting_exit(int code) {
    const uint32_t block[2] = {0x20026u, (uint32_t)code}; /* the reason "application exit" */
    (void)semihosting_call(SYS_EXIT_EXTENDED, block);
    for (;;) __asm__ volatile("");
}

#endif
