/* The squared distance of x to each prototype, both brought to one scale first. */
#include "kernel.h"

#define PROTOTYPES_T int8_t
#define EW_READ_PROTOTYPES EW_READ_I8

EW_KERNEL void squared_distance_X_PROTOTYPES_Y_FORM(
    const X_T *x, Y_T *y, const PROTOTYPES_T *prototypes, uint16_t count, uint16_t columns, int16_t x_zero_point, uint8_t x_shift,
    int32_t prototype_factor, EW_FORM_PARAMETERS) {
    for (uint16_t p = 0; p < count; p++) {
        int32_t sum = 0;
        for (uint16_t c = 0; c < columns; c++) {
            const int32_t placed = EW_READ_PROTOTYPES(prototypes++) * prototype_factor;
            const int32_t difference = ew_rshift_round((int32_t)x[c] - x_zero_point, x_shift) - placed;
            sum += difference * difference;
        }
        y[p] = (Y_T)EW_REQUANTISE(sum, p);
    }
}
