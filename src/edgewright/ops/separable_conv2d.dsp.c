/* separable_conv2d of int8 with depthwise filters of 3 x 3 on cores with DSP instructions: two pixels by two filters.
   taps: see taps_dsp.h. packed, start, rest, pairs: see dsp.h. */
#include "taps_dsp.h"

EW_KERNEL void separable_conv2d_nine_BIAS_Y_FORM(
    const int8_t *x, Y_T *y, const int32_t *taps, const BIAS_T *bias, const int32_t *packed, const int32_t *start,
    const int32_t *rest, int8_t *window, int32_t *pairs, const uint16_t *geometry, uint16_t filters, int16_t x_zero_point,
    int32_t middle_zero_point, int32_t middle_lowest, int32_t middle_highest,
    EW_FORM_PARAMETERS) {
    const ew_windows at = ew_windows_at(geometry);
    uint16_t down = 0, across = 0;
    for (uint16_t left = (uint16_t)((uint32_t)at.down * at.across); left > 0;) {
        const uint8_t two = left > 1; /* an odd pixel is computed twice */
        Y_T *second = two ? &y[filters] : y;
        for (uint8_t pixel = 0; pixel < 2; pixel++) {
            int32_t row, column;
            const int8_t *tap = ew_window_words_X(x, window, &at, down, across, (int8_t)x_zero_point, &row, &column);
            ew_widen_channels_BIAS_FORM(
                tap, row, column, at.channels, taps, bias, &pairs[pixel], filters, middle_zero_point, middle_lowest,
            middle_highest, EW_FORM_ARGUMENTS);
            if (pixel || two) ew_next_window(&at, &down, &across);
        }
        ew_filters_Y_FORM(pairs, &pairs[at.channels], packed, start, rest, filters, y, second, EW_FORM_ARGUMENTS);
        y = &second[filters];
        left = (uint16_t)(left - 1 - two);
    }
}
