/* y = x + bias, one bias a feature. y may be x itself. */
#include "kernel.h"

EW_KERNEL void add_bias_X_BIAS_Y_FORM(
    const X_T *x, Y_T *y, const BIAS_T *bias, uint16_t rows, uint16_t features,
    EW_FORM_PARAMETERS) {
    for (uint16_t r = 0; r < rows; r++) {
        for (uint16_t f = 0; f < features; f++) {
            const int32_t sum = (int32_t)*x++ + EW_READ_BIAS(&bias[f]);
            *y++ = (Y_T)EW_REQUANTISE(sum, f);
        }
    }
}
