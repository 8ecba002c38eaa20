/* dense on cores with DSP instructions: four rows at a time. */
#include "dsp.h"

/* For x of int8. packed, start, rest, pairs: see dsp.h. */
EW_KERNEL void dense_words_Y_FORM(
    const int8_t *x, Y_T *y, const int32_t *packed, const int32_t *start, const int32_t *rest, int32_t *pairs, uint16_t rows,
    uint16_t columns, EW_FORM_PARAMETERS) {
    const int32_t *end = ew_widen_vector(x, pairs, columns);
    for (uint16_t r = 0; r < rows;) {
        int32_t sums[4], *four = sums;
        for (uint8_t i = 0; i < 4; i++) sums[i] = EW_READ_I32(start++);
        packed = ew_multiply_4_1(packed, pairs, end, &four);
        for (uint8_t i = 0; i < 4 && r < rows; i++) {
            const int32_t sum = (sums[i] >> 8) + (rest ? EW_READ_I32(&rest[r]) : 0);
            y[r] = (Y_T)EW_REQUANTISE(sum, r);
            r++;
        }
    }
}

/* The same where a widened x would take much memory: 128 entries are widened at a time, for 64 rows whose sums are kept. */
EW_KERNEL void dense_blocks_Y_FORM(
    const int8_t *x, Y_T *y, const int32_t *packed, const int32_t *start, const int32_t *rest, int32_t *pairs, int32_t *sums,
    uint16_t rows, uint16_t columns, EW_FORM_PARAMETERS) {
    const uint32_t words = (columns + 3u) & ~3u; /* of four rows */
    for (uint16_t r = 0; r < rows;) {
        const uint16_t block = (uint16_t)(rows - r < 64 ? rows - r : 64);
        int32_t *const end_of_sums = sums + ((block + 3u) & ~3u);
        for (int32_t *sum = sums; sum != end_of_sums; sum++) *sum = EW_READ_I32(start++);
#if defined(__clang__)
#pragma clang loop unroll(disable) /* it is large */
#endif
        for (uint16_t c = 0; c < columns; c = (uint16_t)(c + 128)) {
            const int32_t *end = ew_widen_vector(&x[c], pairs, (uint16_t)(columns - c < 128 ? columns - c : 128));
            const int32_t *w = packed + c;
            const uint32_t rest_of_row = words - 2 * (uint32_t)(end - pairs);
            for (int32_t *four = sums; four != end_of_sums;) w = ew_multiply_4_1(w, pairs, end, &four) + rest_of_row;
        }
        packed += words * ((block + 3u) / 4);
        for (const int32_t *at = sums; at != sums + block; at++) {
            const int32_t sum = (*at >> 8) + (rest ? EW_READ_I32(&rest[r]) : 0);
            *y++ = (Y_T)EW_REQUANTISE(sum, r);
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
        int32_t sums[4] = {0, 0, 0, 0};
        const uint16_t left = (uint16_t)(rows - r);
        if (left >= 4) { /* written out, as compilers keep so short a loop */
            sums[0] = EW_READ_BIAS(&bias[r]);
            sums[1] = EW_READ_BIAS(&bias[r + 1]);
            sums[2] = EW_READ_BIAS(&bias[r + 2]);
            sums[3] = EW_READ_BIAS(&bias[r + 3]);
        } else {
            for (uint8_t i = 0; i < left; i++) sums[i] = EW_READ_BIAS(&bias[r + i]);
        }
        if (x != end) packed = ew_multiply_halves(packed, x, end, sums);
        if (columns & 3u) packed = ew_multiply_halves(packed, last, last + 4, sums);
        if (left >= 4) {
            y[r] = (Y_T)EW_REQUANTISE(sums[0], r);
            y[r + 1] = (Y_T)EW_REQUANTISE(sums[1], r + 1);
            y[r + 2] = (Y_T)EW_REQUANTISE(sums[2], r + 2);
            y[r + 3] = (Y_T)EW_REQUANTISE(sums[3], r + 3);
            r = (uint16_t)(r + 4);
        } else {
            for (uint8_t i = 0; i < left; i++) {
                y[r] = (Y_T)EW_REQUANTISE(sums[i], r);
                r++;
            }
        }
    }
}
