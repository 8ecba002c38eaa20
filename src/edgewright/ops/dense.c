/* y = w x + bias, requantised. w is stored row by row. */
#include "kernel.h"

EW_KERNEL void dense_X_BIAS_Y_FORM(
    const X_T *x, Y_T *y, const int8_t *w, const BIAS_T *bias, uint16_t rows, uint16_t columns,
    EW_FORM_PARAMETERS) {
    for (uint16_t r = 0; r < rows; r++) {
        int32_t sum = EW_READ_BIAS(&bias[r]);
        for (uint16_t c = 0; c < columns; c++) sum += (int32_t)EW_READ_I8(w++) * x[c];
        y[r] = (Y_T)EW_REQUANTISE(sum, r);
    }
}
