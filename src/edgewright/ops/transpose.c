/* y = x with its axes in another order. geometry: the four sizes of y, and how far apart its neighbours along each lie in x. */
#include "kernel.h"

EW_KERNEL void transpose_X(const X_T *x, X_T *y, const uint16_t *geometry) {
    const uint16_t size_0 = EW_READ_U16(&geometry[0]), size_1 = EW_READ_U16(&geometry[1]);
    const uint16_t size_2 = EW_READ_U16(&geometry[2]), size_3 = EW_READ_U16(&geometry[3]);
    const uint32_t step_0 = EW_READ_U16(&geometry[4]), step_1 = EW_READ_U16(&geometry[5]);
    const uint32_t step_2 = EW_READ_U16(&geometry[6]), step_3 = EW_READ_U16(&geometry[7]);
    for (uint16_t a = 0; a < size_0; a++) {
        for (uint16_t b = 0; b < size_1; b++) {
            for (uint16_t c = 0; c < size_2; c++) {
                const X_T *from = &x[a * step_0 + b * step_1 + c * step_2];
                for (uint16_t d = 0; d < size_3; d++) *y++ = from[d * step_3];
            }
        }
    }
}
