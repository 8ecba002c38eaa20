/* y = x * scale + offset, a scale and an offset each feature, requantised.
   y may be x itself. */
#include "kernel.h"

EW_KERNEL void affine_X_Y_FORM(
    const X_T *x, Y_T *y, const int16_t *scale, const int32_t *offset, uint16_t rows, uint16_t features,
    EW_FORM_PARAMETERS) {
    for (uint16_t r = 0; r < rows; r++) {
        for (uint16_t f = 0; f < features; f++) {
            const int32_t sum = (int32_t)*x++ * EW_READ_I16(&scale[f]) + EW_READ_I32(&offset[f]);
            *y++ = (Y_T)EW_REQUANTISE(sum, f);
        }
    }
}
