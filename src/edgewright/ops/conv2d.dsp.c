/* conv2d of int8 on cores with DSP instructions: two pixels by two filters. packed, start, rest, pairs: see dsp.h. */
#include "dsp.h"

/* For channels that are a multiple of four, without a dilation across: windows are widened straight from the image. */
EW_KERNEL void conv2d_words_Y_FORM(
    const int8_t *x, Y_T *y, const int32_t *packed, const int32_t *start, const int32_t *rest, int32_t *pairs, const uint16_t *geometry,
    uint16_t filters, int16_t x_zero_point, EW_FORM_PARAMETERS) {
    const ew_windows at = ew_windows_at(geometry);
    const int32_t *end = &pairs[(uint32_t)at.size_y * at.size_x * at.channels];
    uint16_t down = 0, across = 0;
    for (uint16_t left = (uint16_t)((uint32_t)at.down * at.across); left > 0;) {
        const uint8_t two = left > 1; /* an odd pixel is computed twice */
        Y_T *second = two ? &y[filters] : y;
        for (uint8_t pixel = 0; pixel < 2; pixel++) {
            ew_widen_window(x, &pairs[pixel], &at, down, across, (int8_t)x_zero_point);
            if (pixel || two) ew_next_window(&at, &down, &across);
        }
        ew_filters_Y_FORM(pairs, end, packed, start, rest, filters, y, second, EW_FORM_ARGUMENTS);
        y = &second[filters];
        left = (uint16_t)(left - 1 - two);
    }
}

/* For all others: the bytes of a window are gathered first. */
EW_KERNEL void conv2d_bytes_Y_FORM(
    const int8_t *x, Y_T *y, const int32_t *packed, const int32_t *start, const int32_t *rest, int8_t *window, int32_t *pairs,
    const uint16_t *geometry, uint16_t filters, int16_t x_zero_point, EW_FORM_PARAMETERS) {
    const ew_windows at = ew_windows_at(geometry);
    const uint16_t words = (uint16_t)(((uint32_t)at.size_y * at.size_x * at.channels + 3) / 4);
    uint16_t down = 0, across = 0;
    for (uint16_t left = (uint16_t)((uint32_t)at.down * at.across); left > 0;) {
        const uint8_t two = left > 1; /* an odd pixel is computed twice */
        Y_T *second = two ? &y[filters] : y;
        for (uint8_t pixel = 0; pixel < 2; pixel++) {
            ew_gather_X(x, window, &at, down, across, (int8_t)x_zero_point);
            ew_widen(window, &pairs[pixel], words);
            if (pixel || two) ew_next_window(&at, &down, &across);
        }
        ew_filters_Y_FORM(pairs, &pairs[4 * (uint32_t)words], packed, start, rest, filters, y, second, EW_FORM_ARGUMENTS);
        y = &second[filters];
        left = (uint16_t)(left - 1 - two);
    }
}

/* For windows of one pixel side by side. */
EW_KERNEL void conv2d_pixels_Y_FORM(
    const int8_t *x, Y_T *y, const int32_t *packed, const int32_t *start, const int32_t *rest, int32_t *pairs, uint16_t pixels,
    uint16_t channels, uint16_t filters, EW_FORM_PARAMETERS) {
    for (uint16_t left = pixels; left > 0;) {
        const uint8_t two = left > 1; /* an odd pixel is computed twice */
        Y_T *second = two ? &y[filters] : y;
        for (uint8_t pixel = 0; pixel < 2; pixel++) {
            ew_widen(x, &pairs[pixel], channels / 4);
            if (pixel || two) x += channels;
        }
        ew_filters_Y_FORM(pairs, &pairs[channels], packed, start, rest, filters, y, second, EW_FORM_ARGUMENTS);
        y = &second[filters];
        left = (uint16_t)(left - 1 - two);
    }
}
