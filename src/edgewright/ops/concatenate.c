/* y = blocks of a and b in turn, each requantised by a shift or by a multiplier of its own. */
#include "kernel.h"

EW_KERNEL void concatenate_A_B_Y_shift(
    const A_T *a, const B_T *b, Y_T *y, uint16_t blocks, uint16_t a_count, uint16_t b_count,
    int16_t a_zero_point, int16_t b_zero_point, int8_t a_shift, int8_t b_shift,
    int32_t zero_point, int32_t lowest, int32_t highest) {
    for (uint16_t k = 0; k < blocks; k++) {
        for (uint16_t i = 0; i < a_count; i++) {
            const int32_t scaled = ew_shift((int32_t)*a++ - a_zero_point, a_shift);
            *y++ = (Y_T)ew_clip(scaled + zero_point, lowest, highest);
        }
        for (uint16_t i = 0; i < b_count; i++) {
            const int32_t scaled = ew_shift((int32_t)*b++ - b_zero_point, b_shift);
            *y++ = (Y_T)ew_clip(scaled + zero_point, lowest, highest);
        }
    }
}

EW_KERNEL void concatenate_A_B_Y_scale(
    const A_T *a, const B_T *b, Y_T *y, uint16_t blocks, uint16_t a_count, uint16_t b_count,
    int16_t a_zero_point, int16_t b_zero_point, int32_t a_multiplier, uint8_t a_shift,
    int32_t b_multiplier, uint8_t b_shift, int32_t zero_point, int32_t lowest, int32_t highest) {
    for (uint16_t k = 0; k < blocks; k++) {
        for (uint16_t i = 0; i < a_count; i++) {
            const int64_t scaled = ew_scale((int32_t)*a++ - a_zero_point, a_multiplier, a_shift);
            *y++ = (Y_T)ew_clip_wide(scaled + zero_point, lowest, highest);
        }
        for (uint16_t i = 0; i < b_count; i++) {
            const int64_t scaled = ew_scale((int32_t)*b++ - b_zero_point, b_multiplier, b_shift);
            *y++ = (Y_T)ew_clip_wide(scaled + zero_point, lowest, highest);
        }
    }
}
