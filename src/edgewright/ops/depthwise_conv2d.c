/* y = convolution of each channel of an image x with filters of its own w [size_y, size_x, outputs], plus bias, requantised. */
#include "taps.h"

/* For one filter a channel: four channels at a time, straight from the image where it holds the whole window. rows_of_w: see
   taps.h. */
EW_KERNEL void depthwise_conv2d_alone_X_BIAS_Y_FORM(
    const X_T *x, Y_T *y, const int8_t *rows_of_w, const BIAS_T *bias, X_T *window, const uint16_t *geometry,
    int16_t x_zero_point, EW_FORM_PARAMETERS) {
    const ew_windows at = ew_windows_at(geometry);
    uint16_t down = 0, across = 0;
    while (down < at.down) {
        int32_t row, column;
        const X_T *tap = ew_window_inside_X(x, &at, down, across, &row, &column);
        if (!tap) {
            ew_gather_X(x, window, &at, down, across, (X_T)x_zero_point);
            tap = window;
        }
        ew_channels_X_BIAS_Y_FORM(tap, row, column, &at, rows_of_w, bias, y, 0, EW_FORM_ARGUMENTS);
        y += at.channels;
        ew_next_window(&at, &down, &across);
    }
}

/* For any number of filters a channel. */
EW_KERNEL void depthwise_conv2d_X_BIAS_Y_FORM(
    const X_T *x, Y_T *y, const int8_t *w, const BIAS_T *bias, X_T *window, const uint16_t *geometry, uint16_t each,
    int16_t x_zero_point, EW_FORM_PARAMETERS) {
    const ew_windows at = ew_windows_at(geometry);
    const uint16_t taps = (uint16_t)((uint32_t)at.size_y * at.size_x);
    const uint16_t outputs = (uint16_t)((uint32_t)at.channels * each);
    for (uint16_t down = 0; down < at.down; down++) {
        for (uint16_t across = 0; across < at.across; across++) {
            uint16_t o = 0;
            ew_gather_X(x, window, &at, down, across, (X_T)x_zero_point);
            for (uint16_t c = 0; c < at.channels; c++) {
                for (uint16_t k = 0; k < each; k++) {
                    const int8_t *weight = &w[o];
                    const X_T *entry = &window[c];
                    int32_t sum = EW_READ_BIAS(&bias[o]);
                    for (uint16_t t = 0; t < taps; t++) {
                        sum += ew_product_X(EW_READ_I8(weight), *entry);
                        weight += outputs;
                        entry += at.channels;
                    }
                    *y++ = (Y_T)EW_REQUANTISE(sum, o);
                    o++;
                }
            }
        }
    }
}
