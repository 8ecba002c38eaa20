/* y = depthwise convolution of an image x and of its result, pixel by pixel, with filters of one pixel; both requantised. The
   factors of the filters come first, those of the channels after them. */
#include "taps.h"

/* The requantised channels of one pixel between both. */
static inline void ew_middle_X_BIAS_Y_FORM(
    const X_T *tap, int32_t row, int32_t column, const ew_windows *at, const int8_t *taps, const BIAS_T *bias, Y_T *pixel,
    uint16_t first, int32_t middle_zero_point, int32_t middle_lowest, int32_t middle_highest,
    EW_FORM_PARAMETERS) {
    zero_point = middle_zero_point;
    lowest = middle_lowest;
    highest = middle_highest;
    ew_channels_X_BIAS_Y_FORM(tap, row, column, at, taps, bias, pixel, first, EW_FORM_ARGUMENTS);
}

/* y has the type of x. */
EW_KERNEL void separable_conv2d_X_BIAS_Y_FORM(
    const X_T *x, Y_T *y, const int8_t *taps, const BIAS_T *bias, const int8_t *rows_of_w, const BIAS_T *filter_bias, X_T *window,
    Y_T *pixel, const uint16_t *geometry, uint16_t filters, int16_t x_zero_point, int32_t middle_zero_point,
    int32_t middle_lowest, int32_t middle_highest, EW_FORM_PARAMETERS) {
    const ew_windows at = ew_windows_at(geometry);
    uint16_t down = 0, across = 0;
    while (down < at.down) {
        int32_t row, column;
        const X_T *tap = ew_window_inside_X(x, &at, down, across, &row, &column);
        if (!tap) {
            ew_gather_X(x, window, &at, down, across, (X_T)x_zero_point);
            tap = window;
        }
        ew_middle_X_BIAS_Y_FORM(tap, row, column, &at, taps, bias, pixel, filters, middle_zero_point, middle_lowest,
            middle_highest, EW_FORM_ARGUMENTS);
        ew_rows_X_BIAS_Y_FORM(
            (const X_T *)pixel, y, rows_of_w, filter_bias, filters, at.channels, EW_FORM_ARGUMENTS);
        y += filters;
        ew_next_window(&at, &down, &across);
    }
}
