/* y = a + b, requantised: both are brought to one unit by a factor each. A step of 0 repeats a single entry.
   The first form is for factors and centred operands of 16 bits; y may be a or b itself. */
#include "kernel.h"

EW_KERNEL void add_A_B_Y(
    const A_T *a, const B_T *b, Y_T *y, uint16_t count, uint8_t a_step, uint8_t b_step,
    int16_t a_zero_point, int16_t b_zero_point, int16_t a_factor, int16_t b_factor,
    uint8_t shift, int32_t zero_point, int32_t lowest, int32_t highest) {
    for (uint16_t i = 0; i < count; i++) {
        const int32_t first = (int32_t)(int16_t)(*a - a_zero_point) * a_factor;
        const int32_t second = (int32_t)(int16_t)(*b - b_zero_point) * b_factor;
        y[i] = (Y_T)ew_clip(ew_rshift_round(first + second, shift) + zero_point, lowest, highest);
        a += a_step;
        b += b_step;
    }
}

EW_KERNEL void add_A_B_Y_wide(
    const A_T *a, const B_T *b, Y_T *y, uint16_t count, uint8_t a_step, uint8_t b_step,
    int32_t a_zero_point, int32_t b_zero_point, int32_t a_factor, int32_t b_factor,
    uint8_t shift, int32_t zero_point, int32_t lowest, int32_t highest) {
    for (uint16_t i = 0; i < count; i++) {
        const int32_t first = (*a - a_zero_point) * a_factor;
        const int32_t second = (*b - b_zero_point) * b_factor;
        y[i] = (Y_T)ew_clip(ew_rshift_round(first + second, shift) + zero_point, lowest, highest);
        a += a_step;
        b += b_step;
    }
}
