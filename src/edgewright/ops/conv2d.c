/* y = convolution of an image x with filters w [filters, size_y, size_x, channels], plus bias, requantised.
   Each window is gathered into a run of its own, so that a filter is one run of products. */
#include "windows.h"

EW_KERNEL void conv2d_X_BIAS_Y_FORM(
    const X_T *x, Y_T *y, const int8_t *w, const BIAS_T *bias, X_T *window, const uint16_t *geometry, uint16_t filters,
    int16_t x_zero_point, EW_FORM_PARAMETERS) {
    const ew_windows at = ew_windows_at(geometry);
    const uint16_t count = (uint16_t)((uint32_t)at.size_y * at.size_x * at.channels);
    for (uint16_t down = 0; down < at.down; down++) {
        for (uint16_t across = 0; across < at.across; across++) {
            const int8_t *weight = w;
            ew_gather_X(x, window, &at, down, across, (X_T)x_zero_point);
            for (uint16_t f = 0; f < filters; f++) {
                int32_t sum = EW_READ_BIAS(&bias[f]);
                for (uint16_t c = 0; c < count; c++) sum += (int32_t)EW_READ_I8(weight++) * window[c];
                *y++ = (Y_T)EW_REQUANTISE(sum, f);
            }
        }
    }
}
