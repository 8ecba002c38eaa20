/* y = w x + bias, requantised, with a sparse w: the values of each row that are not zero, and the gaps between their columns. */
#include "kernel.h"

/* The sum of one row; *values and *gaps move on to the next. */
static inline int32_t ew_sparse_row_X(const X_T *x, const int8_t **values, const uint8_t **gaps, uint16_t count) {
    int32_t sum = 0;
    while (count-- > 0) {
        x += EW_READ_U8((*gaps)++);
        sum += (int32_t)EW_READ_I8((*values)++) * *x;
    }
    return sum;
}

EW_KERNEL void sparse_dense_X_COUNTS_BIAS_Y_FORM(
    const X_T *x, Y_T *y, const int8_t *values, const uint8_t *gaps, const COUNTS_T *counts, const BIAS_T *bias, uint16_t rows,
    EW_FORM_PARAMETERS) {
    for (uint16_t r = 0; r < rows; r++) {
        const int32_t sum = EW_READ_BIAS(&bias[r]) + ew_sparse_row_X(x, &values, &gaps, EW_READ_COUNTS(&counts[r]));
        y[r] = (Y_T)EW_REQUANTISE(sum, r);
    }
}
