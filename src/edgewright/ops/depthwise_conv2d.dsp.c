/* depthwise_conv2d of int8 with filters of 3 x 3 on cores with DSP instructions: four channels at a time, their taps in pairs.
   packed: nine words for each four channels. Two words for each of the pairs of taps (0,0) (0,1), (0,2) (1,2), (1,0) (1,1) and
   (2,0) (2,1): channels 0 and 1 of both taps, channels 2 and 3 of both. One word for the tap (2,2). */
#include "dsp.h"

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
        : [tap] "+r"(tap), [w] "+r"(w), [s0] "+r"(sum0), [s1] "+r"(sum1), [s2] "+r"(sum2), [s3] "+r"(sum3),
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

EW_KERNEL void depthwise_conv2d_words_BIAS_Y_FORM(
    const int8_t *x, Y_T *y, const int32_t *packed, const BIAS_T *bias, int8_t *window, const uint16_t *geometry,
    int16_t x_zero_point, EW_FORM_PARAMETERS) {
    const ew_windows at = ew_windows_at(geometry);
    uint16_t down = 0, across = 0;
    while (down < at.down) {
        const int32_t from_y = (int32_t)down * at.stride_y - at.top;
        const int32_t from_x = (int32_t)across * at.stride_x - at.left;
        const int32_t *w = packed;
        const int8_t *tap = window;
        int32_t row = 3 * (int32_t)at.channels, column = at.channels;
        if (from_y >= 0 && from_y + 2 * (int32_t)at.dilation_y < at.height && from_x >= 0 &&
            from_x + 2 * (int32_t)at.dilation_x < at.width) {
            tap = &x[(from_y * at.width + from_x) * at.channels];
            row = (int32_t)at.dilation_y * at.width * at.channels;
            column = (int32_t)at.dilation_x * at.channels;
        } else {
            ew_gather_words(x, window, &at, down, across, (int8_t)x_zero_point);
        }
        for (uint16_t c = 0; c < at.channels; c = (uint16_t)(c + 4)) {
            int32_t sums[4] = {
                EW_READ_BIAS(&bias[c]), EW_READ_BIAS(&bias[c + 1]), EW_READ_BIAS(&bias[c + 2]), EW_READ_BIAS(&bias[c + 3])};
            w = ew_nine_taps(tap, row, column, w, sums);
            tap += 4;
            sums[0] = EW_REQUANTISE(sums[0], c);
            sums[1] = EW_REQUANTISE(sums[1], c + 1);
            sums[2] = EW_REQUANTISE(sums[2], c + 2);
            sums[3] = EW_REQUANTISE(sums[3], c + 3);
            y[0] = (Y_T)sums[0];
            y[1] = (Y_T)sums[1];
            y[2] = (Y_T)sums[2];
            y[3] = (Y_T)sums[3];
            y += 4;
        }
        ew_next_window(&at, &down, &across);
    }
}
