/* Rows of weights times a vector on AVR, which multiplies bytes and is cheapest without signs: four rows side by side hold w + 128,
   and x is read as x + `offset` (0 where it is never negative, else half of its range). What that adds to a sum is known before:
   _avr.py takes out what the offset of x adds, ew_offset_part_X what that of w adds. Rows that are left over hold w as it is. */
#ifndef EDGEWRIGHT_AVR_H
#define EDGEWRIGHT_AVR_H

#include "kernel.h"

/* 128 times the sum of x + offset, modulo 2^32. */
static inline uint32_t ew_offset_part_X(const X_T *x, uint16_t columns, uint16_t offset) {
    const X_T *const end = x + columns;
    uint32_t sum = 0;
    while (x != end) {
        if (sizeof(X_T) == 1) { /* 128 bytes at a time fit 16 bits */
            const X_T *const stop = end - x > 128 ? x + 128 : end;
            uint16_t part = 0;
            for (; x != stop; x++) part = (uint16_t)(part + (uint8_t)((uint8_t)*x ^ offset));
            sum += part;
        } else {
            sum += (uint16_t)((uint16_t)*x++ ^ offset);
        }
    }
    return sum << 7;
}

/* Adds to four sums the products of a row each with x; each column is four bytes of w. Sums of x of int8 are taken modulo 2^24. */
static inline void ew_multiply_4_rows_X(const uint8_t *w, const X_T *x, uint16_t columns, uint16_t offset, int32_t *sums) {
    const X_T *const end = x + columns;
#if defined(__AVR_HAVE_MUL__) && defined(__OPTIMIZE__)
    /* A turn may begin in its middle. r0 and r1 hold what is multiplied; compilers expect 0 in r1. */
    if (sizeof(X_T) == 1) {
        uint8_t weight = columns & 3u, entry, zero;
#define EW_TAKE(low, middle, high) "ld " low ", X+\n\tld " middle ", X+\n\tld " high ", X+\n\tadiw r26, 1\n\t"
#define EW_GIVE(low, middle, high) \
    "st X+, " low "\n\tst X+, " middle "\n\tst X+, " high "\n\tlsl " high "\n\tsbc " high ", " high "\n\tst X+, " high "\n\t"
#define EW_PRODUCT(low, middle, high)  \
    "lpm %[weight], Z+\n\t"           \
    "mul %[weight], %[entry]\n\t"     \
    "add " low ", r0\n\t"             \
    "adc " middle ", r1\n\t"          \
    "adc " high ", %[zero]\n\t"
#define EW_COLUMN(offset_of_x)                                                                \
    "ld %[entry], X+\n\t" offset_of_x EW_PRODUCT("r2", "r3", "r4") EW_PRODUCT("r5", "r6", "r7") \
    EW_PRODUCT("r8", "r9", "r10") EW_PRODUCT("r11", "r12", "r13")
#define EW_MULTIPLY(offset_of_x)                                                              \
    __asm__ volatile(                                                                         \
        "movw r0, r26\n\t"                                                                    \
        "movw r26, %[sums]\n\t" EW_TAKE("r2", "r3", "r4") EW_TAKE("r5", "r6", "r7")   \
        EW_TAKE("r8", "r9", "r10") EW_TAKE("r11", "r12", "r13")                       \
        "movw r26, r0\n\t"                                                                    \
        "clr %[zero]\n\t"                                                                     \
        "sbrs %[weight], 1\n\t"                                                               \
        "rjmp 2f\n\t"                                                                         \
        "sbrs %[weight], 0\n\t"                                                               \
        "rjmp 4f\n\t"                                                                         \
        "rjmp 3f\n"                                                                           \
        "2:\n\t"                                                                              \
        "sbrc %[weight], 0\n\t"                                                               \
        "rjmp 5f\n"                                                                           \
        "1:\n\t" EW_COLUMN(offset_of_x)                                                       \
        "3:\n\t" EW_COLUMN(offset_of_x)                                                       \
        "4:\n\t" EW_COLUMN(offset_of_x)                                                       \
        "5:\n\t" EW_COLUMN(offset_of_x)                                                       \
        "cp r26, %A[end]\n\t"                                                                 \
        "cpc r27, %B[end]\n\t"                                                                \
        "breq 6f\n\t"                                                                         \
        "rjmp 1b\n"                                                                           \
        "6:\n\t"                                                                              \
        "movw r26, %[sums]\n\t" EW_GIVE("r2", "r3", "r4") EW_GIVE("r5", "r6", "r7") \
        EW_GIVE("r8", "r9", "r10") EW_GIVE("r11", "r12", "r13")                     \
        "clr r1"                                                                              \
        : [w] "+&z"(w), [x] "+&x"(x), [weight] "+&d"(weight), [entry] "=&d"(entry), [zero] "=&r"(zero)                 \
        : [end] "r"(end), [sums] "r"(sums)                                                                             \
        : "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "r13", "cc", "memory")
        if (offset) {
            EW_MULTIPLY("subi %[entry], 128\n\t");
        } else {
            EW_MULTIPLY("");
        }
#undef EW_MULTIPLY
#undef EW_COLUMN
#undef EW_PRODUCT
#undef EW_GIVE
#undef EW_TAKE
    } else {
        uint8_t weight = columns & 1u, low, high, zero;
#define EW_TAKE(a, b, c, d) "ld " a ", X+\n\tld " b ", X+\n\tld " c ", X+\n\tld " d ", X+\n\t"
#define EW_GIVE(a, b, c, d) "st X+, " a "\n\tst X+, " b "\n\tst X+, " c "\n\tst X+, " d "\n\t"
#define EW_PRODUCT(a, b, c, d)        \
    "lpm %[weight], Z+\n\t"          \
    "mul %[weight], %[low]\n\t"      \
    "add " a ", r0\n\t"              \
    "adc " b ", r1\n\t"              \
    "adc " c ", %[zero]\n\t"         \
    "adc " d ", %[zero]\n\t"         \
    "mul %[weight], %[high]\n\t"     \
    "add " b ", r0\n\t"              \
    "adc " c ", r1\n\t"              \
    "adc " d ", %[zero]\n\t"
#define EW_COLUMN(offset_of_x)                                                                          \
    "ld %[low], X+\n\tld %[high], X+\n\t" offset_of_x EW_PRODUCT("r2", "r3", "r4", "r5")                  \
    EW_PRODUCT("r6", "r7", "r8", "r9") EW_PRODUCT("r10", "r11", "r12", "r13") EW_PRODUCT("r14", "r15", "r16", "r17")
#define EW_MULTIPLY(offset_of_x)                                                                        \
    __asm__ volatile(                                                                                   \
        "movw r0, r26\n\t"                                                                              \
        "movw r26, %[sums]\n\t" EW_TAKE("r2", "r3", "r4", "r5") EW_TAKE("r6", "r7", "r8", "r9") \
        EW_TAKE("r10", "r11", "r12", "r13") EW_TAKE("r14", "r15", "r16", "r17")                 \
        "movw r26, r0\n\t"                                                                              \
        "clr %[zero]\n\t"                                                                               \
        "sbrc %[weight], 0\n\t"                                                                         \
        "rjmp 2f\n"                                                                                     \
        "1:\n\t" EW_COLUMN(offset_of_x)                                                                 \
        "2:\n\t" EW_COLUMN(offset_of_x)                                                                 \
        "cp r26, %A[end]\n\t"                                                                           \
        "cpc r27, %B[end]\n\t"                                                                          \
        "breq 3f\n\t"                                                                                   \
        "rjmp 1b\n"                                                                                     \
        "3:\n\t"                                                                                        \
        "movw r26, %[sums]\n\t" EW_GIVE("r2", "r3", "r4", "r5") EW_GIVE("r6", "r7", "r8", "r9") \
        EW_GIVE("r10", "r11", "r12", "r13") EW_GIVE("r14", "r15", "r16", "r17")               \
        "clr r1"                                                                                        \
        : [w] "+&z"(w), [x] "+&x"(x), [weight] "+&d"(weight), [low] "=&d"(low), [high] "=&d"(high), [zero] "=&r"(zero)  \
        : [end] "r"(end), [sums] "r"(sums)                                                                              \
        : "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "r16", "r17", "cc", \
          "memory")
        if (offset) {
            EW_MULTIPLY("subi %[high], 128\n\t");
        } else {
            EW_MULTIPLY("");
        }
#undef EW_MULTIPLY
#undef EW_COLUMN
#undef EW_PRODUCT
#undef EW_GIVE
#undef EW_TAKE
    }
#else
    for (; x != end; x++) {
        const uint32_t entry = (uint32_t)((int32_t)*x + offset);
        for (uint8_t i = 0; i < 4; i++) sums[i] = (int32_t)((uint32_t)sums[i] + EW_READ_U8(w++) * entry);
    }
    if (sizeof(X_T) == 1) {
        for (uint8_t i = 0; i < 4; i++) sums[i] = (int32_t)((uint32_t)sums[i] << 8) >> 8;
    }
#endif
}

/* The sum of one row of w times x, and what it begins with. */
static inline int32_t ew_multiply_row_X(const int8_t *w, const X_T *x, uint16_t columns, int32_t sum) {
    const X_T *const end = x + columns;
#if defined(__AVR_HAVE_MUL__) && defined(__OPTIMIZE__)
    /* Two columns a turn; an odd one begins in the middle. */
    int8_t weight = (int8_t)(columns & 1u), low, high, sign;
#define EW_TWO_COLUMNS(column)      \
    "sbrc %[weight], 0\n\t"         \
    "rjmp 2f\n"                     \
    "1:\n\t" column "2:\n\t" column \
    "cp r26, %A[end]\n\t"           \
    "cpc r27, %B[end]\n\t"          \
    "brne 1b\n\t"                   \
    "clr r1"
    if (sizeof(X_T) == 1) {
        __asm__ volatile(
            EW_TWO_COLUMNS(
                "ld %[low], X+\n\t"
                "lpm %[weight], Z+\n\t"
                "muls %[weight], %[low]\n\t"
                "sbc %[sign], %[sign]\n\t"
                "add %A[sum], r0\n\t"
                "adc %B[sum], r1\n\t"
                "adc %C[sum], %[sign]\n\t"
                "adc %D[sum], %[sign]\n\t")
            : [w] "+&z"(w), [x] "+&x"(x), [sum] "+&r"(sum), [weight] "+&d"(weight), [low] "=&d"(low), [sign] "=&r"(sign)
            : [end] "r"(end)
            : "cc", "memory");
    } else {
        __asm__ volatile(
            EW_TWO_COLUMNS(
                "ld %[low], X+\n\t"
                "ld %[high], X+\n\t"
                "lpm %[weight], Z+\n\t"
                "mulsu %[weight], %[low]\n\t"
                "sbc %[sign], %[sign]\n\t"
                "add %A[sum], r0\n\t"
                "adc %B[sum], r1\n\t"
                "adc %C[sum], %[sign]\n\t"
                "adc %D[sum], %[sign]\n\t"
                "muls %[weight], %[high]\n\t"
                "sbc %[sign], %[sign]\n\t"
                "add %B[sum], r0\n\t"
                "adc %C[sum], r1\n\t"
                "adc %D[sum], %[sign]\n\t")
            : [w] "+&z"(w), [x] "+&x"(x), [sum] "+&r"(sum), [weight] "+&a"(weight), [low] "=&a"(low), [high] "=&d"(high),
              [sign] "=&r"(sign)
            : [end] "r"(end)
            : "cc", "memory");
    }
#undef EW_TWO_COLUMNS
#else
    for (; x != end; x++) sum += (int32_t)EW_READ_I8(w++) * *x;
#endif
    return sum;
}

/* y = rows of w times x, requantised. part: of ew_offset_part_X. start: what each sum begins with. first: the number of the first row,
   for a form with one ratio a row. */
static inline void ew_rows_avr_X_Y_FORM(
    const X_T *x, Y_T *y, const uint8_t *w, const int32_t *start, uint32_t part, uint16_t first, uint16_t rows, uint16_t columns,
    uint16_t offset, EW_FORM_PARAMETERS) {
    uint16_t r = first;
    const uint16_t end = (uint16_t)(first + rows);
    while (end - r >= 4) {
        int32_t sums[4];
        sums[0] = (int32_t)((uint32_t)EW_READ_I32(&start[0]) - part);
        sums[1] = (int32_t)((uint32_t)EW_READ_I32(&start[1]) - part);
        sums[2] = (int32_t)((uint32_t)EW_READ_I32(&start[2]) - part);
        sums[3] = (int32_t)((uint32_t)EW_READ_I32(&start[3]) - part);
        start += 4;
        ew_multiply_4_rows_X(w, x, columns, offset, sums);
        w += 4 * columns;
        for (uint8_t i = 0; i < 4; i++) {
            *y++ = (Y_T)EW_REQUANTISE(sums[i], r);
            r++;
        }
    }
    for (; r < end; r++) {
        const int32_t sum = ew_multiply_row_X((const int8_t *)w, x, columns, EW_READ_I32(start++));
        w += columns;
        *y++ = (Y_T)EW_REQUANTISE(sum, r);
    }
}

#endif
