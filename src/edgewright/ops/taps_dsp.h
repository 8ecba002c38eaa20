/* Filters of one channel each on cores with DSP instructions: four channels at a time, their taps in pairs.
   packed, for filters of 3 x 3: nine words for each four channels. Two words for each of the pairs of taps (0,0) (0,1),
   (0,2) (1,2), (1,0) (1,1) and (2,0) (2,1): channels 0 and 1 of both taps, channels 2 and 3 of both. One word for the tap (2,2).
   packed, for all others: the same for each row of taps, two words for each two of them and one for a tap that is left over. Taps
   in one column count as a row. */
#ifndef EDGEWRIGHT_TAPS_DSP_H
#define EDGEWRIGHT_TAPS_DSP_H

#include "dsp.h"
#include "taps.h"

/* Adds to the sums of four channels the products of nine taps: `column` entries from one to the next, `row` to the row below.
   Returns the end of w. */
static inline const int32_t *ew_nine_taps(
    const int8_t *tap, int32_t row, int32_t column, const int32_t *w, int32_t *sums) {
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && !defined(__ARM_BIG_ENDIAN)
    int32_t sum0 = sums[0], sum1 = sums[1], sum2 = sums[2], sum3 = sums[3], one, other, x, weight, weights;
#define EW_TWO_CHANNELS(first, second)                 \
    "ldr %[ws], [%[w]], #4\n\t"                        \
    "sxtb16 %[one], %[x]\n\t"                          \
    "sxtb16 %[wt], %[ws]\n\t"                          \
    "smlad %[" first "], %[one], %[wt], %[" first "]\n\t" \
    "sxtb16 %[x], %[x], ror #8\n\t"                    \
    "sxtb16 %[ws], %[ws], ror #8\n\t"                  \
    "smlad %[" second "], %[x], %[ws], %[" second "]\n\t"
#define EW_TWO_TAPS                                    \
    "pkhbt %[x], %[one], %[other], lsl #16\n\t"        \
    "pkhtb %[other], %[other], %[one], asr #16\n\t"    \
    EW_TWO_CHANNELS("s0", "s1")                        \
    "mov %[x], %[other]\n\t"                           \
    EW_TWO_CHANNELS("s2", "s3")
    /* &: a sum that begins as the very number that `column` is must not share its register. */
    __asm__ volatile(
        "ldr %[one], [%[tap]]\n\t"
        "ldr %[other], [%[tap], %[column]]\n\t" EW_TWO_TAPS
        "ldr %[one], [%[tap], %[column], lsl #1]\n\t"
        "add %[tap], %[tap], %[row]\n\t"
        "ldr %[other], [%[tap], %[column], lsl #1]\n\t" EW_TWO_TAPS
        "ldr %[one], [%[tap]]\n\t"
        "ldr %[other], [%[tap], %[column]]\n\t" EW_TWO_TAPS
        "add %[tap], %[tap], %[row]\n\t"
        "ldr %[one], [%[tap]]\n\t"
        "ldr %[other], [%[tap], %[column]]\n\t" EW_TWO_TAPS
        "ldr %[x], [%[tap], %[column], lsl #1]\n\t"
        "ldr %[ws], [%[w]], #4\n\t"
        "sxtb16 %[one], %[x]\n\t"
        "sxtb16 %[wt], %[ws]\n\t"
        "smlabb %[s0], %[one], %[wt], %[s0]\n\t"
        "smlatt %[s2], %[one], %[wt], %[s2]\n\t"
        "sxtb16 %[x], %[x], ror #8\n\t"
        "sxtb16 %[ws], %[ws], ror #8\n\t"
        "smlabb %[s1], %[x], %[ws], %[s1]\n\t"
        "smlatt %[s3], %[x], %[ws], %[s3]"
        : [tap] "+&r"(tap), [w] "+&r"(w), [s0] "+&r"(sum0), [s1] "+&r"(sum1), [s2] "+&r"(sum2), [s3] "+&r"(sum3),
          [one] "=&r"(one), [other] "=&r"(other), [x] "=&r"(x), [wt] "=&r"(weight), [ws] "=&r"(weights)
        : [row] "r"(row), [column] "r"(column)
        : "memory");
#undef EW_TWO_TAPS
#undef EW_TWO_CHANNELS
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
    return w;
#else
    const int32_t one[4] = {0, 2 * column, row, 2 * row};
    const int32_t other[4] = {column, row + 2 * column, row + column, 2 * row + column};
    for (uint8_t c = 0; c < 4; c++) {
        for (uint8_t pair = 0; pair < 4; pair++) {
            const uint32_t word = (uint32_t)EW_READ_I32(&w[2 * pair + c / 2]) >> (8 * (c % 2));
            sums[c] += (int32_t)(int8_t)(word & 0xFFu) * tap[one[pair] + c];
            sums[c] += (int32_t)(int8_t)((word >> 16) & 0xFFu) * tap[other[pair] + c];
        }
        sums[c] += (int32_t)(int8_t)(((uint32_t)EW_READ_I32(&w[8]) >> (8 * c)) & 0xFFu) * tap[2 * row + 2 * column + c];
    }
    return w + 9;
#endif
}

/* sum + the products of both halves of two words. */
static inline int32_t ew_add_products(uint32_t one, uint32_t other, int32_t sum) {
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && !defined(__ARM_BIG_ENDIAN)
    __asm__("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(one), "r"(other));
    return sum;
#else
    return sum + (int32_t)(int16_t)(one & 0xFFFFu) * (int16_t)(other & 0xFFFFu) +
           (int32_t)(int16_t)(one >> 16) * (int16_t)(other >> 16);
#endif
}

/* (x0, x2) of the bytes x0..x3. */
static inline uint32_t ew_bytes_even(uint32_t word) {
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && !defined(__ARM_BIG_ENDIAN)
    uint32_t even;
    __asm__("sxtb16 %0, %1" : "=r"(even) : "r"(word));
    return even;
#else
    return (uint32_t)(uint16_t)(int8_t)(word & 0xFFu) | (uint32_t)(uint16_t)(int8_t)((word >> 16) & 0xFFu) << 16;
#endif
}

/* The same for filters of any size. Returns the end of w. */
static inline const int32_t *ew_pairs_of_taps(
    const int8_t *tap, int32_t row, int32_t column, uint16_t size_y, uint16_t size_x, const int32_t *w, int32_t *sums) {
    int32_t sum0 = sums[0], sum1 = sums[1], sum2 = sums[2], sum3 = sums[3];
    for (; size_y > 0; size_y--) {
        const int8_t *at = tap;
        for (uint16_t pairs = size_x / 2; pairs > 0; pairs--) {
            const uint32_t one = ew_word(at), other = ew_word(at + column);
            const uint32_t first = (one & 0xFFFFu) | other << 16, second = (other & 0xFFFF0000u) | one >> 16;
            const uint32_t weights = (uint32_t)EW_READ_I32(&w[0]), others = (uint32_t)EW_READ_I32(&w[1]);
            sum0 = ew_add_products(ew_bytes_even(first), ew_bytes_even(weights), sum0);
            sum1 = ew_add_products(ew_odd(first), ew_odd(weights), sum1);
            sum2 = ew_add_products(ew_bytes_even(second), ew_bytes_even(others), sum2);
            sum3 = ew_add_products(ew_odd(second), ew_odd(others), sum3);
            at += 2 * column;
            w += 2;
        }
        if (size_x & 1) {
            const uint32_t weights = (uint32_t)EW_READ_I32(w++);
            sum0 += (int32_t)(int8_t)(weights & 0xFFu) * at[0];
            sum1 += (int32_t)(int8_t)((weights >> 8) & 0xFFu) * at[1];
            sum2 += (int32_t)(int8_t)((weights >> 16) & 0xFFu) * at[2];
            sum3 += (int32_t)(int8_t)(weights >> 24) * at[3];
        }
        tap += row;
    }
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
    return w;
}

/* The first tap of the window at (down, across), in the image or in `window`, to which it is copied where it is not inside. */
static inline const X_T *ew_window_words_X(
    const X_T *x, X_T *window, const ew_windows *at, uint16_t down, uint16_t across, X_T fill, int32_t *row,
    int32_t *column) {
    const X_T *tap = ew_window_inside_X(x, at, down, across, row, column);
    if (tap) return tap;
    ew_gather_words(x, window, at, down, across, fill);
    return window;
}

/* The lower halves of two words. */
static inline uint32_t ew_both(int32_t low, int32_t high) {
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && !defined(__ARM_BIG_ENDIAN)
    uint32_t both;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(both) : "r"(low), "r"(high));
    return both;
#else
    return ((uint32_t)low & 0xFFFFu) | (uint32_t)high << 16;
#endif
}

/* Writes odd and even of the requantised channels of a pixel. */
EW_KERNEL void ew_widen_channels_BIAS_FORM(
    const int8_t *tap, int32_t row, int32_t column, uint16_t channels, const int32_t *taps, const BIAS_T *bias,
    int32_t *pairs, uint16_t first, int32_t middle_zero_point, int32_t middle_lowest, int32_t middle_highest,
    EW_FORM_PARAMETERS) {
    (void)first; /* some ways to requantise have one factor for all */
    zero_point = middle_zero_point;
    lowest = middle_lowest;
    highest = middle_highest;
    for (uint16_t c = 0; c < channels; c = (uint16_t)(c + 4)) {
        int32_t sums[4] = {
            EW_READ_BIAS(&bias[c]), EW_READ_BIAS(&bias[c + 1]), EW_READ_BIAS(&bias[c + 2]), EW_READ_BIAS(&bias[c + 3])};
        taps = ew_nine_taps(tap, row, column, taps, sums);
        tap += 4;
        sums[0] = EW_REQUANTISE(sums[0], first + c);
        sums[1] = EW_REQUANTISE(sums[1], first + c + 1);
        sums[2] = EW_REQUANTISE(sums[2], first + c + 2);
        sums[3] = EW_REQUANTISE(sums[3], first + c + 3);
        pairs[0] = (int32_t)ew_both(sums[1], sums[3]);
        pairs[2] = (int32_t)ew_both(256 * sums[0] - sums[1] + 127, 256 * sums[2] - sums[3] + 127);
        pairs += 4;
    }
}

#endif
