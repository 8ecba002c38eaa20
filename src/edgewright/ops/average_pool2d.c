/* y = means of the windows of an image x, requantised. What lies outside the image is no entry. A sum begins at `base` less
   `step` an entry; the number of entries, from 1 on, chooses the row of the requantisation where not all windows have the same. */
#include "pooling.h"

EW_KERNEL void average_pool2d_X_Y_FORM(
    const X_T *x, Y_T *y, const uint16_t *geometry, int32_t base, int32_t step, EW_FORM_PARAMETERS) {
    const ew_windows at = ew_windows_at(geometry);
    for (uint16_t down = 0; down < at.down; down++) {
        for (uint16_t across = 0; across < at.across; across++) {
            const ew_overlap on = ew_overlap_at(&at, down, across);
            const uint16_t entries = (uint16_t)((uint32_t)on.rows * on.columns);
            for (uint16_t c = 0; c < at.channels; c++) {
                const X_T *line = &x[on.first + c];
                int32_t sum = base - step * (int32_t)entries;
                for (uint16_t i = 0; i < on.rows; i++) {
                    for (uint16_t j = 0; j < on.columns; j++) sum += line[(uint32_t)j * at.channels];
                    line += (uint32_t)at.width * at.channels;
                }
                *y++ = (Y_T)EW_REQUANTISE(sum, entries - 1);
            }
        }
    }
}
