/* y = x in another type, by a shift or by a multiplier. y may be x itself. */
#include "kernel.h"

EW_KERNEL void rescale_X_Y_shift(
    const X_T *x, Y_T *y, uint16_t count, int16_t x_zero_point,
    int8_t shift, int32_t zero_point, int32_t lowest, int32_t highest) {
    for (uint16_t i = 0; i < count; i++) {
        y[i] = (Y_T)ew_clip(ew_shift((int32_t)x[i] - x_zero_point, shift) + zero_point, lowest, highest);
    }
}

EW_KERNEL void rescale_X_Y_scale(
    const X_T *x, Y_T *y, uint16_t count, int16_t x_zero_point,
    int32_t multiplier, uint8_t shift, int32_t zero_point, int32_t lowest, int32_t highest) {
    for (uint16_t i = 0; i < count; i++) {
        const int64_t scaled = ew_scale((int32_t)x[i] - x_zero_point, multiplier, shift);
        y[i] = (Y_T)ew_clip_wide(scaled + zero_point, lowest, highest);
    }
}
