/* y = a * b, requantised by a shift or by a multiplier. A step of 0 repeats a single entry. y may be a or b itself. */
#include "kernel.h"

EW_KERNEL void multiply_A_B_Y_shift(
    const A_T *a, const B_T *b, Y_T *y, uint16_t count, uint8_t a_step, uint8_t b_step,
    int16_t a_zero_point, int16_t b_zero_point, int8_t shift, int32_t zero_point, int32_t lowest, int32_t highest) {
    for (uint16_t i = 0; i < count; i++) {
        const int32_t product = ((int32_t)*a - a_zero_point) * ((int32_t)*b - b_zero_point);
        y[i] = (Y_T)ew_clip(ew_shift(product, shift) + zero_point, lowest, highest);
        a += a_step;
        b += b_step;
    }
}

EW_KERNEL void multiply_A_B_Y_scale(
    const A_T *a, const B_T *b, Y_T *y, uint16_t count, uint8_t a_step, uint8_t b_step,
    int16_t a_zero_point, int16_t b_zero_point, int32_t multiplier, uint8_t shift,
    int32_t zero_point, int32_t lowest, int32_t highest) {
    for (uint16_t i = 0; i < count; i++) {
        const int32_t product = ((int32_t)*a - a_zero_point) * ((int32_t)*b - b_zero_point);
        y[i] = (Y_T)ew_clip_wide(ew_scale(product, multiplier, shift) + zero_point, lowest, highest);
        a += a_step;
        b += b_step;
    }
}
