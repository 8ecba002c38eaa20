/* Windows over an image [height, width, channels]. */
#ifndef EDGEWRIGHT_WINDOWS_H
#define EDGEWRIGHT_WINDOWS_H

#include "kernel.h"

/* How windows lie on an image [height, width, channels]: `down` rows of `across` windows of size_y times size_x entries. */
typedef struct {
    uint16_t height, width, channels, down, across, size_y, size_x, stride_y, stride_x, dilation_y, dilation_x, top, left;
} ew_windows;

/* Reads a geometry: _windows.py writes it. */
static inline ew_windows ew_windows_at(const uint16_t *geometry) {
    ew_windows at;
    at.height = EW_READ_U16(&geometry[0]);
    at.width = EW_READ_U16(&geometry[1]);
    at.channels = EW_READ_U16(&geometry[2]);
    at.down = EW_READ_U16(&geometry[3]);
    at.across = EW_READ_U16(&geometry[4]);
    at.size_y = EW_READ_U16(&geometry[5]);
    at.size_x = EW_READ_U16(&geometry[6]);
    at.stride_y = EW_READ_U16(&geometry[7]);
    at.stride_x = EW_READ_U16(&geometry[8]);
    at.dilation_y = EW_READ_U16(&geometry[9]);
    at.dilation_x = EW_READ_U16(&geometry[10]);
    at.top = EW_READ_U16(&geometry[11]);
    at.left = EW_READ_U16(&geometry[12]);
    return at;
}

/* Copies the window at (down, across) to `window`; what lies outside the image is `fill`. */
EW_KERNEL void ew_gather_X(const X_T *x, X_T *window, const ew_windows *at, uint16_t down, uint16_t across, X_T fill) {
    const int32_t first_y = (int32_t)down * at->stride_y - at->top;
    const int32_t first_x = (int32_t)across * at->stride_x - at->left;
    for (uint16_t i = 0; i < at->size_y; i++) {
        const int32_t from_y = first_y + (int32_t)i * at->dilation_y;
        const uint8_t row_inside = from_y >= 0 && from_y < at->height;
        int32_t from_x = first_x;
        for (int32_t j = at->size_x; j > 0;) { /* by runs that are all inside or all outside */
            const uint8_t inside = row_inside && from_x >= 0 && from_x < at->width;
            int32_t run = inside ? at->width - from_x : row_inside && from_x < 0 ? -from_x : j;
            if (run > j) run = j;
            if (at->dilation_x > 1) run = 1;
            j -= run;
            uint16_t count = (uint16_t)(run * at->channels);
            if (inside) {
                const X_T *from = &x[(from_y * at->width + from_x) * at->channels];
                for (; count > 0; count--) *window++ = *from++;
            } else {
                for (; count > 0; count--) *window++ = fill;
            }
            from_x += run * at->dilation_x;
        }
    }
}

/* Goes one window across, or down to the next row. */
static inline void ew_next_window(const ew_windows *at, uint16_t *down, uint16_t *across) {
    if (++*across == at->across) {
        *across = 0;
        ++*down;
    }
}

#endif
