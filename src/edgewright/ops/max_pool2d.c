/* y = maxima of the windows of an image x. What lies outside the image is no entry. */
#include "pooling.h"

EW_KERNEL void max_pool2d_X(const X_T *x, X_T *y, const uint16_t *geometry) {
    const ew_windows at = ew_windows_at(geometry);
    for (uint16_t down = 0; down < at.down; down++) {
        for (uint16_t across = 0; across < at.across; across++) {
            const ew_overlap on = ew_overlap_at(&at, down, across);
            for (uint16_t c = 0; c < at.channels; c++) {
                const X_T *line = &x[on.first + c];
                X_T largest = *line;
                for (uint16_t i = 0; i < on.rows; i++) {
                    for (uint16_t j = 0; j < on.columns; j++) {
                        const X_T entry = line[(uint32_t)j * at.channels];
                        if (entry > largest) largest = entry;
                    }
                    line += (uint32_t)at.width * at.channels;
                }
                *y++ = largest;
            }
        }
    }
}
