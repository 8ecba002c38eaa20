/* Windows read channel by channel. */
#ifndef EDGEWRIGHT_TAPS_H
#define EDGEWRIGHT_TAPS_H

#include "rows.h"
#include "windows.h"

/* The first tap of the window at (down, across) in an image that holds the whole window; else null, and it must be gathered.
   row, column: entries from one tap to the one below and to the one beside it, in the image or in what is gathered. */
static inline const X_T *ew_window_inside_X(
    const X_T *x, const ew_windows *at, uint16_t down, uint16_t across, int32_t *row, int32_t *column) {
    const int32_t from_y = (int32_t)down * at->stride_y - at->top;
    const int32_t from_x = (int32_t)across * at->stride_x - at->left;
    if (from_y >= 0 && from_y + (at->size_y - 1) * (int32_t)at->dilation_y < at->height && from_x >= 0 &&
        from_x + (at->size_x - 1) * (int32_t)at->dilation_x < at->width) {
        *row = (int32_t)at->dilation_y * at->width * at->channels;
        *column = (int32_t)at->dilation_x * at->channels;
        return &x[(from_y * at->width + from_x) * at->channels];
    }
    *row = (int32_t)at->size_x * at->channels;
    *column = at->channels;
    return 0;
}

/* Sums of four channels: their biases and the products of their taps. w: four weights a tap. Returns its end. */
static inline const int8_t *ew_sum_4_channels_X_BIAS(
    const X_T *tap, int32_t row, int32_t column, uint16_t size_y, uint16_t size_x, const int8_t *w, const BIAS_T *bias,
    int32_t *sums) {
    int32_t sum0 = EW_READ_BIAS(&bias[0]), sum1 = EW_READ_BIAS(&bias[1]);
    int32_t sum2 = EW_READ_BIAS(&bias[2]), sum3 = EW_READ_BIAS(&bias[3]);
    const int8_t *const end = w + 4 * ((uint32_t)size_y * size_x);
    row -= size_x * column;
    while (w != end) {
        const int8_t *const line = w + 4 * (uint32_t)size_x;
        for (; w != line; w += 4) {
            sum0 += ew_product_X(EW_READ_I8(&w[0]), tap[0]);
            sum1 += ew_product_X(EW_READ_I8(&w[1]), tap[1]);
            sum2 += ew_product_X(EW_READ_I8(&w[2]), tap[2]);
            sum3 += ew_product_X(EW_READ_I8(&w[3]), tap[3]);
            tap += column;
        }
        tap += row;
    }
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
    return w;
}

/* y = requantised sums of all channels at one window. rows_of_w: the taps of a channel are a row, and rows lie as rows.h says.
   first: where the factors of the requantisation begin. */
static inline void ew_channels_X_BIAS_Y_FORM(
    const X_T *tap, int32_t row, int32_t column, const ew_windows *at, const int8_t *rows_of_w, const BIAS_T *bias, Y_T *y,
    uint16_t first, EW_FORM_PARAMETERS) {
    const int8_t *w = rows_of_w;
    int32_t sums[4];
    uint8_t next = 0, ready = 0;
    (void)first; /* some ways to requantise have one factor for all */
    for (uint16_t c = 0; c < at->channels; c++) {
        if (next == ready) {
            ready = at->channels - c >= 4 ? 4 : 1;
            next = 0;
            if (ready == 4) {
                w = ew_sum_4_channels_X_BIAS(tap, row, column, at->size_y, at->size_x, w, &bias[c], sums);
            } else {
                const X_T *line = tap;
                sums[0] = EW_READ_BIAS(&bias[c]);
                for (uint16_t i = 0; i < at->size_y; i++) {
                    const X_T *entry = line;
                    for (uint16_t j = 0; j < at->size_x; j++) {
                        sums[0] += ew_product_X(EW_READ_I8(w++), *entry);
                        entry += column;
                    }
                    line += row;
                }
            }
            tap += ready;
        }
        y[c] = (Y_T)EW_REQUANTISE(sums[next], first + c);
        next++;
    }
}

#endif
