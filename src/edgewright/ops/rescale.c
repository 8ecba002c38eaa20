/* y = x in another type. y may be x itself. */
#include "kernel.h"

EW_KERNEL void rescale_X_Y_FORM(
    const X_T *x, Y_T *y, uint16_t count, int16_t x_zero_point,
    EW_FORM_PARAMETERS) {
    for (uint16_t i = 0; i < count; i++) {
        const int32_t centred = (int32_t)x[i] - x_zero_point;
        y[i] = (Y_T)EW_REQUANTISE(centred, i);
    }
}
