/* y = convolution of an image x with filters w [filters, size_y, size_x, channels], plus bias, requantised. Each window is gathered
   into a run of its own, so that a filter is a row of weights. They lie as rows.h says. */
#include "rows.h"
#include "windows.h"

EW_KERNEL void conv2d_X_BIAS_Y_FORM(
    const X_T *x, Y_T *y, const int8_t *rows_of_w, const BIAS_T *bias, X_T *window, const uint16_t *geometry,
    uint16_t filters, int16_t x_zero_point, EW_FORM_PARAMETERS) {
    const ew_windows at = ew_windows_at(geometry);
    const uint16_t count = (uint16_t)((uint32_t)at.size_y * at.size_x * at.channels);
    uint16_t down = 0, across = 0;
    while (down < at.down) {
        ew_gather_X(x, window, &at, down, across, (X_T)x_zero_point);
        ew_rows_X_BIAS_Y_FORM(window, y, rows_of_w, bias, filters, count, EW_FORM_ARGUMENTS);
        y += filters;
        ew_next_window(&at, &down, &across);
    }
}

/* For windows of one pixel side by side. */
EW_KERNEL void conv2d_alone_X_BIAS_Y_FORM(
    const X_T *x, Y_T *y, const int8_t *rows_of_w, const BIAS_T *bias, uint16_t pixels, uint16_t channels,
    uint16_t filters, EW_FORM_PARAMETERS) {
    for (; pixels > 0; pixels--) {
        ew_rows_X_BIAS_Y_FORM(x, y, rows_of_w, bias, filters, channels, EW_FORM_ARGUMENTS);
        x += channels;
        y += filters;
    }
}
