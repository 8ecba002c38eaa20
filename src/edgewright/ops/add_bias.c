/* y = x + bias, one bias a feature. y may be x itself. */
#include "kernel.h"

EW_KERNEL void add_bias_X_BIAS_Y_shift(
    const X_T *x, Y_T *y, const BIAS_T *bias, uint16_t rows, uint16_t features,
    int8_t shift, int32_t zero_point, int32_t lowest, int32_t highest) {
    for (uint16_t r = 0; r < rows; r++) {
        for (uint16_t f = 0; f < features; f++) {
            const int32_t sum = (int32_t)*x++ + EW_READ_BIAS(&bias[f]);
            *y++ = (Y_T)ew_clip(ew_shift(sum, shift) + zero_point, lowest, highest);
        }
    }
}

EW_KERNEL void add_bias_X_BIAS_Y_scale(
    const X_T *x, Y_T *y, const BIAS_T *bias, uint16_t rows, uint16_t features,
    int32_t multiplier, uint8_t shift, int32_t zero_point, int32_t lowest, int32_t highest) {
    for (uint16_t r = 0; r < rows; r++) {
        for (uint16_t f = 0; f < features; f++) {
            const int32_t sum = (int32_t)*x++ + EW_READ_BIAS(&bias[f]);
            *y++ = (Y_T)ew_clip_wide(ew_scale(sum, multiplier, shift) + zero_point, lowest, highest);
        }
    }
}
