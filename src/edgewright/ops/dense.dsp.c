/* dense on cores with DSP instructions: four rows at a time. */
#include "dsp.h"

/* For x of int8. packed, start, rest, pairs: see dsp.h. */
EW_KERNEL void dense_words_Y_FORM(
    const int8_t *x, Y_T *y, const int32_t *packed, const int32_t *start, const int32_t *rest, int32_t *pairs, uint16_t rows,
    uint16_t columns, EW_FORM_PARAMETERS) {
    const int32_t *end = ew_widen_vector(x, pairs, columns);
    for (uint16_t r = 0; r < rows;) {
        int32_t sums[4];
        for (uint8_t i = 0; i < 4; i++) sums[i] = EW_READ_I32(start++);
        packed = ew_multiply_4_1(packed, pairs, end, sums);
        for (uint8_t i = 0; i < 4 && r < rows; i++) {
            const int32_t sum = (sums[i] >> 8) + (rest ? EW_READ_I32(&rest[r]) : 0);
            y[r] = (Y_T)EW_REQUANTISE(sum, r);
            r++;
        }
    }
}

/* As ew_multiply_4_1, for entries that are widened as they are read. */
static inline const int32_t *ew_multiply_bytes(const int32_t *w, const int8_t *x, const int8_t *end, int32_t *sums) {
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && !defined(__ARM_BIG_ENDIAN)
    register const int32_t *w_at __asm__("r0") = w;
    register const int8_t *x_at __asm__("r1") = x, *x_end __asm__("r2") = end;
    register int32_t sum0 __asm__("r3") = sums[0], sum1 __asm__("r4") = sums[1], sum2 __asm__("r5") = sums[2];
    register int32_t sum3 __asm__("r6") = sums[3];
    register int32_t odd __asm__("r12"), even __asm__("r14");
    __asm__ volatile(
        "1:\n\t"
        "ldr %[even], [%[x]], #4\n\t"
        "ldmia %[w]!, {r8, r9, r10, r11}\n\t"
        "sxtb16 %[odd], %[even], ror #8\n\t"
        "rev16 %[even], %[even]\n\t"
        "eor %[even], %[even], #0x007F007F\n\t"
        "smlad %[s0], r8, %[odd], %[s0]\n\t"
        "sxtb16 r8, r8\n\t"
        "smlad %[s1], r9, %[odd], %[s1]\n\t"
        "sxtb16 r9, r9\n\t"
        "smlad %[s2], r10, %[odd], %[s2]\n\t"
        "sxtb16 r10, r10\n\t"
        "smlad %[s3], r11, %[odd], %[s3]\n\t"
        "sxtb16 r11, r11\n\t"
        "smlad %[s0], r8, %[even], %[s0]\n\t"
        "smlad %[s1], r9, %[even], %[s1]\n\t"
        "smlad %[s2], r10, %[even], %[s2]\n\t"
        "smlad %[s3], r11, %[even], %[s3]\n\t"
        "cmp %[x], %[end]\n\t"
        "bne 1b"
        : [w] "+&r"(w_at), [x] "+&r"(x_at), [s0] "+&r"(sum0), [s1] "+&r"(sum1), [s2] "+&r"(sum2), [s3] "+&r"(sum3),
          [odd] "=&r"(odd), [even] "=&r"(even)
        : [end] "r"(x_end)
        : "r8", "r9", "r10", "r11", "cc", "memory");
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
    return w_at;
#else
    for (; x != end; x += 4) {
        int32_t pair[2];
        pair[0] = (int32_t)ew_odd(ew_word(x));
        pair[1] = (int32_t)ew_even(ew_word(x));
        w = ew_multiply_4_1(w, pair, pair + 2, sums);
    }
    return w;
#endif
}

/* The same where a widened x would take much memory, and is whole words. */
EW_KERNEL void dense_bytes_Y_FORM(
    const int8_t *x, Y_T *y, const int32_t *packed, const int32_t *start, const int32_t *rest, uint16_t rows, uint16_t columns,
    EW_FORM_PARAMETERS) {
    for (uint16_t r = 0; r < rows;) {
        int32_t sums[4];
        for (uint8_t i = 0; i < 4; i++) sums[i] = EW_READ_I32(start++);
        packed = ew_multiply_bytes(packed, x, x + columns, sums);
        for (uint8_t i = 0; i < 4 && r < rows; i++) {
            const int32_t sum = (sums[i] >> 8) + (rest ? EW_READ_I32(&rest[r]) : 0);
            y[r] = (Y_T)EW_REQUANTISE(sum, r);
            r++;
        }
    }
}

/* Adds to four sums the products of a row each with x. Each four columns are four words of w, a row each, with the bytes of the
   columns 0, 2, 1, 3. Returns the end of w. */
static inline const int32_t *ew_multiply_halves(const int32_t *w, const int16_t *x, const int16_t *end, int32_t *sums) {
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && !defined(__ARM_BIG_ENDIAN)
    int32_t sum0 = sums[0], sum1 = sums[1], sum2 = sums[2], sum3 = sums[3], first, second;
#define EW_ROW(word, sum)                              \
    "sxtb16 r10, " word "\n\t"                         \
    "smlad %[" sum "], r10, %[first], %[" sum "]\n\t"  \
    "sxtb16 " word ", " word ", ror #8\n\t"            \
    "smlad %[" sum "], " word ", %[second], %[" sum "]\n\t"
#define EW_FOUR_COLUMNS                  \
    "ldr %[first], [%[x]], #4\n\t"       \
    "ldr %[second], [%[x]], #4\n\t"      \
    "ldrd r8, r9, [%[w]], #8\n\t"        \
    EW_ROW("r8", "s0") EW_ROW("r9", "s1") \
    "ldrd r8, r9, [%[w]], #8\n\t"        \
    EW_ROW("r8", "s2") EW_ROW("r9", "s3")
    /* Eight columns a turn; an odd four begins in its middle. */
    __asm__ volatile(
        "sub %[first], %[end], %[x]\n\t"
        "lsls %[first], %[first], #28\n\t"
        "bmi 2f\n"
        "1:\n\t" EW_FOUR_COLUMNS
        "2:\n\t" EW_FOUR_COLUMNS
        "cmp %[x], %[end]\n\t"
        "bne 1b"
        : [w] "+&r"(w), [x] "+&r"(x), [s0] "+&r"(sum0), [s1] "+&r"(sum1), [s2] "+&r"(sum2), [s3] "+&r"(sum3),
          [first] "=&r"(first), [second] "=&r"(second)
        : [end] "r"(end)
        : "r8", "r9", "r10", "cc", "memory");
#undef EW_FOUR_COLUMNS
#undef EW_ROW
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
#else
    for (; x != end; x += 4) {
        for (uint8_t r = 0; r < 4; r++) {
            const uint32_t word = (uint32_t)EW_READ_I32(w++);
            sums[r] += (int32_t)(int8_t)(word & 0xFFu) * x[0];
            sums[r] += (int32_t)(int8_t)((word >> 16) & 0xFFu) * x[1];
            sums[r] += (int32_t)(int8_t)((word >> 8) & 0xFFu) * x[2];
            sums[r] += (int32_t)(int8_t)(word >> 24) * x[3];
        }
    }
#endif
    return w;
}

/* For x of int16. packed: see ew_multiply_halves; what is missing to four rows or columns is 0. */
EW_KERNEL void dense_halves_BIAS_Y_FORM(
    const int16_t *x, Y_T *y, const int32_t *packed, const BIAS_T *bias, uint16_t rows, uint16_t columns, EW_FORM_PARAMETERS) {
    const int16_t *end = x + (columns & ~3u);
    int16_t last[4] = {0, 0, 0, 0};
    for (uint8_t i = 0; i < (columns & 3u); i++) last[i] = end[i];
    for (uint16_t r = 0; r < rows;) {
        int32_t sums[4];
        for (uint8_t i = 0; i < 4; i++) sums[i] = r + i < rows ? EW_READ_BIAS(&bias[r + i]) : 0;
        if (x != end) packed = ew_multiply_halves(packed, x, end, sums);
        if (columns & 3u) packed = ew_multiply_halves(packed, last, last + 4, sums);
        for (uint8_t i = 0; i < 4 && r < rows; i++) {
            y[r] = (Y_T)EW_REQUANTISE(sums[i], r);
            r++;
        }
    }
}
