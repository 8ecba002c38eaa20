/* y = sums of x along one axis, requantised. `start` takes away the zero points. */
#include "kernel.h"

EW_KERNEL void reduce_sum_X_Y_FORM(
    const X_T *x, Y_T *y, uint16_t before, uint16_t along, uint16_t behind, int32_t start,
    EW_FORM_PARAMETERS) {
    uint16_t first = 0;
    for (uint16_t b = 0; b < before; b++) {
        for (uint16_t i = 0; i < behind; i++) {
            int32_t sum = start;
            uint16_t entry = (uint16_t)(first + i);
            for (uint16_t k = 0; k < along; k++) {
                sum += x[entry];
                entry = (uint16_t)(entry + behind);
            }
            *y++ = (Y_T)EW_REQUANTISE(sum, b);
        }
        first = (uint16_t)(first + (uint32_t)along * behind);
    }
}
