/* y = sums of x along one axis, requantised by a shift or by a multiplier. `start` takes away the zero points. */
#include "kernel.h"

EW_KERNEL void reduce_sum_X_Y_shift(
    const X_T *x, Y_T *y, uint16_t before, uint16_t along, uint16_t behind, int32_t start,
    int8_t shift, int32_t zero_point, int32_t lowest, int32_t highest) {
    uint16_t first = 0;
    for (uint16_t b = 0; b < before; b++) {
        for (uint16_t i = 0; i < behind; i++) {
            int32_t sum = start;
            uint16_t entry = (uint16_t)(first + i);
            for (uint16_t k = 0; k < along; k++) {
                sum += x[entry];
                entry = (uint16_t)(entry + behind);
            }
            *y++ = (Y_T)ew_clip(ew_shift(sum, shift) + zero_point, lowest, highest);
        }
        first = (uint16_t)(first + (uint32_t)along * behind);
    }
}

EW_KERNEL void reduce_sum_X_Y_scale(
    const X_T *x, Y_T *y, uint16_t before, uint16_t along, uint16_t behind, int32_t start,
    int32_t multiplier, uint8_t shift, int32_t zero_point, int32_t lowest, int32_t highest) {
    uint16_t first = 0;
    for (uint16_t b = 0; b < before; b++) {
        for (uint16_t i = 0; i < behind; i++) {
            int32_t sum = start;
            uint16_t entry = (uint16_t)(first + i);
            for (uint16_t k = 0; k < along; k++) {
                sum += x[entry];
                entry = (uint16_t)(entry + behind);
            }
            *y++ = (Y_T)ew_clip_wide(ew_scale(sum, multiplier, shift) + zero_point, lowest, highest);
        }
        first = (uint16_t)(first + (uint32_t)along * behind);
    }
}
