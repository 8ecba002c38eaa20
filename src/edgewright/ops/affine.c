/* y = x * scale + offset, a scale and an offset each feature, requantised by one shift or by one a feature.
   y may be x itself. */
#include "kernel.h"

EW_KERNEL void affine_X_Y_shift(
    const X_T *x, Y_T *y, const int16_t *scale, const int32_t *offset, uint16_t rows, uint16_t features,
    int8_t shift, int32_t zero_point, int32_t lowest, int32_t highest) {
    for (uint16_t r = 0; r < rows; r++) {
        for (uint16_t f = 0; f < features; f++) {
            const int32_t sum = (int32_t)*x++ * EW_READ_I16(&scale[f]) + EW_READ_I32(&offset[f]);
            *y++ = (Y_T)ew_clip(ew_shift(sum, shift) + zero_point, lowest, highest);
        }
    }
}

EW_KERNEL void affine_X_Y_shift_rows(
    const X_T *x, Y_T *y, const int16_t *scale, const int32_t *offset, uint16_t rows, uint16_t features,
    const int8_t *shift, int32_t zero_point, int32_t lowest, int32_t highest) {
    for (uint16_t r = 0; r < rows; r++) {
        for (uint16_t f = 0; f < features; f++) {
            const int32_t sum = (int32_t)*x++ * EW_READ_I16(&scale[f]) + EW_READ_I32(&offset[f]);
            *y++ = (Y_T)ew_clip(ew_shift(sum, EW_READ_I8(&shift[f])) + zero_point, lowest, highest);
        }
    }
}
