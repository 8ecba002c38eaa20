/* depthwise_conv2d of int8 with one filter a channel on cores with DSP instructions. packed: see taps_dsp.h. */
#include "taps_dsp.h"

/* Writes the requantised outputs of four channels. */
static inline void ew_put_4_Y_FORM(Y_T *y, int32_t *sums, uint16_t c, EW_FORM_PARAMETERS) {
    (void)c; /* some ways to requantise have one factor for all */
    sums[0] = EW_REQUANTISE(sums[0], c);
    sums[1] = EW_REQUANTISE(sums[1], c + 1);
    sums[2] = EW_REQUANTISE(sums[2], c + 2);
    sums[3] = EW_REQUANTISE(sums[3], c + 3);
    y[0] = (Y_T)sums[0];
    y[1] = (Y_T)sums[1];
    y[2] = (Y_T)sums[2];
    y[3] = (Y_T)sums[3];
}

/* For filters of 3 x 3. */
EW_KERNEL void depthwise_conv2d_nine_X_BIAS_Y_FORM(
    const X_T *x, Y_T *y, const int32_t *packed, const BIAS_T *bias, X_T *window, const uint16_t *geometry,
    int16_t x_zero_point, EW_FORM_PARAMETERS) {
    const ew_windows at = ew_windows_at(geometry);
    uint16_t down = 0, across = 0;
    while (down < at.down) {
        const int32_t *w = packed;
        int32_t row, column;
        const X_T *tap = ew_window_words_X(x, window, &at, down, across, (X_T)x_zero_point, &row, &column);
        for (uint16_t c = 0; c < at.channels; c = (uint16_t)(c + 4)) {
            int32_t sums[4] = {
                EW_READ_BIAS(&bias[c]), EW_READ_BIAS(&bias[c + 1]), EW_READ_BIAS(&bias[c + 2]), EW_READ_BIAS(&bias[c + 3])};
            w = ew_nine_taps(tap, row, column, w, sums);
            tap += 4;
            ew_put_4_Y_FORM(y, sums, c, EW_FORM_ARGUMENTS);
            y += 4;
        }
        ew_next_window(&at, &down, &across);
    }
}

/* For all others. */
EW_KERNEL void depthwise_conv2d_pairs_X_BIAS_Y_FORM(
    const X_T *x, Y_T *y, const int32_t *packed, const BIAS_T *bias, X_T *window, const uint16_t *geometry,
    int16_t x_zero_point, EW_FORM_PARAMETERS) {
    const ew_windows at = ew_windows_at(geometry);
    uint16_t down = 0, across = 0;
    while (down < at.down) {
        const int32_t *w = packed;
        int32_t row, column;
        const X_T *tap = ew_window_words_X(x, window, &at, down, across, (X_T)x_zero_point, &row, &column);
        const uint8_t alone = at.size_x == 1;
        for (uint16_t c = 0; c < at.channels; c = (uint16_t)(c + 4)) {
            int32_t sums[4] = {
                EW_READ_BIAS(&bias[c]), EW_READ_BIAS(&bias[c + 1]), EW_READ_BIAS(&bias[c + 2]), EW_READ_BIAS(&bias[c + 3])};
            w = ew_pairs_of_taps(
                tap, row, alone ? row : column, alone ? 1 : at.size_y, alone ? at.size_y : at.size_x, w, sums);
            tap += 4;
            ew_put_4_Y_FORM(y, sums, c, EW_FORM_ARGUMENTS);
            y += 4;
        }
        ew_next_window(&at, &down, &across);
    }
}
