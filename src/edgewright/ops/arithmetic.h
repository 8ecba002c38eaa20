/* The arithmetic of all kernels; arithmetic.py defines it. C99, no library but stdint. */
#ifndef EDGEWRIGHT_ARITHMETIC_H
#define EDGEWRIGHT_ARITHMETIC_H

#include <stdint.h>

/* Constants live in flash; AVR needs its own instruction to read them there. */
#if defined(__AVR__)
#include <avr/pgmspace.h>
#define EW_FLASH PROGMEM
#define EW_READ_I8(p) ((int8_t)pgm_read_byte(p))
#define EW_READ_U8(p) ((uint8_t)pgm_read_byte(p))
#define EW_READ_I16(p) ((int16_t)pgm_read_word(p))
#define EW_READ_U16(p) ((uint16_t)pgm_read_word(p))
#define EW_READ_I32(p) ((int32_t)pgm_read_dword(p))
#else
#define EW_FLASH
#define EW_READ_I8(p) (*(p))
#define EW_READ_U8(p) (*(p))
#define EW_READ_I16(p) (*(p))
#define EW_READ_U16(p) (*(p))
#define EW_READ_I32(p) (*(p))
#endif
#define EW_READ_NONE(p) ((int32_t)(0 * sizeof(*(p)))) /* what is 0 everywhere is not stored */

/* A kernel stays one function: smaller where it is called twice, and its instructions can be told apart. */
#if defined(__GNUC__)
#define EW_KERNEL static __attribute__((noinline))
#else
#define EW_KERNEL static
#endif

/* x >> shift, rounded to nearest, ties towards +infinity. Right shifts of negative numbers are arithmetic on every
   compiler that we support; a test asserts it. */
static inline int32_t ew_rshift_round(int32_t x, uint8_t shift) {
#if defined(__AVR__)
    /* By whole bytes first: this core shifts by one bit at a time, and compilers move bytes only for 8, 16 and 24. */
    if (!__builtin_constant_p(shift) || shift % 8 != 0) {
        if (shift > 16) {
            x >>= 16;
            shift = (uint8_t)(shift - 16);
        }
        if (shift > 8) {
            x >>= 8;
            shift = (uint8_t)(shift - 8);
        }
        if (shift == 8) return (x + 128) >> 8;
        return shift == 0 ? x : ((x >> (shift - 1)) + 1) >> 1;
    }
#endif
    return shift == 0 ? x : (x + ((int32_t)1 << (shift - 1))) >> shift;
}

/* x >> shift, rounded likewise, for a shift of 1 or more. `shift` counts from 1. */
static inline int32_t ew_right(int32_t x, uint8_t shift) {
#if defined(__AVR__)
    if (__builtin_constant_p(shift) && (shift == 7 || shift == 15 || shift == 23)) {
        return (x + ((int32_t)1 << shift)) >> (shift + 1);
    }
    if (shift >= 16) {
        x >>= 16;
        shift = (uint8_t)(shift - 16);
    }
    if (shift >= 8) {
        x >>= 8;
        shift = (uint8_t)(shift - 8);
    }
    if (shift == 7) return (x + 128) >> 8;
#endif
    return ((x >> shift) + 1) >> 1;
}

/* x / 2^shift for a shift of either sign. A shift to the left multiplies, as that is defined for negative numbers. */
static inline int32_t ew_shift(int32_t x, int8_t shift) {
    return shift < 0 ? x * ((int32_t)1 << -shift) : ew_rshift_round(x, (uint8_t)shift);
}

/* x * multiplier / 2^shift in 64 bits; shift 0..62. */
static inline int64_t ew_scale(int32_t x, int32_t multiplier, uint8_t shift) {
    const int64_t product = (int64_t)x * multiplier;
    return shift == 0 ? product : (product + ((int64_t)1 << (shift - 1))) >> shift;
}

/* The same where the whole shift is 33 or more: the lower half of the product cannot change what is rounded. `shift` counts
   from 33. */
static inline int32_t ew_scale_high(int32_t x, int32_t multiplier, uint8_t shift) {
    const int32_t high = (int32_t)(((int64_t)x * multiplier) >> 32);
    return ((high >> shift) + 1) >> 1;
}

/* The same rounded twice: after 31 bits, ties up, and at the end, ties away from zero. `shift` counts from 32. */
static inline int32_t ew_scale_twice(int32_t x, int32_t multiplier, uint8_t shift) {
#if defined(__ARM_FEATURE_DSP) && defined(__GNUC__)
    /* The same: as multiplier is 2^30 or more, twice it is 2^32 and a negative int32. */
    int32_t high;
    __asm__("smmlar %0, %1, %2, %1" : "=r"(high) : "r"(x), "r"((int32_t)((uint32_t)multiplier << 1)));
#else
    const int32_t high = (int32_t)(((int64_t)x * multiplier + ((int64_t)1 << 30)) >> 31);
#endif
    return (((high + (high >> 31)) >> shift) + 1) >> 1;
}

/* The same for a whole shift of 0..62: rounded twice only where it is above 31. */
static inline int64_t ew_scale_mixed(int32_t x, int32_t multiplier, uint8_t shift) {
    return shift > 31 ? ew_scale_twice(x, multiplier, (uint8_t)(shift - 32)) : ew_scale(x, multiplier, shift);
}

static inline int32_t ew_clip(int32_t x, int32_t lowest, int32_t highest) {
#if defined(__ARM_FEATURE_SAT) && defined(__GNUC__)
    if (__builtin_constant_p(lowest == -128 && highest == 127) && lowest == -128 && highest == 127) {
        __asm__("ssat %0, #8, %1" : "=r"(x) : "r"(x));
        return x;
    }
    if (__builtin_constant_p(lowest == -32768 && highest == 32767) && lowest == -32768 && highest == 32767) {
        __asm__("ssat %0, #16, %1" : "=r"(x) : "r"(x));
        return x;
    }
#endif
    x = x < lowest ? lowest : x;
    return x > highest ? highest : x;
}

/* The same for what ew_scale returns, which may not fit 32 bits. */
static inline int32_t ew_clip_wide(int64_t x, int32_t lowest, int32_t highest) {
    return x < lowest ? lowest : x > highest ? highest : (int32_t)x;
}

#endif
