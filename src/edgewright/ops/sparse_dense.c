/* y = w x + bias, requantised, with a sparse w: the values of each row that are not zero, and the gaps between their columns or a bit
   for each column. */
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

/* Adds the products of one row and returns its end. For each eight columns a byte, the first one's bit highest, and the values whose
   bit is 1. */
static inline const uint8_t *ew_sum_cells_X(const X_T *x, const uint8_t *cells, uint16_t turns, int32_t *sum) {
    int32_t added = *sum;
    for (;;) {
        const uint8_t bits = EW_READ_U8(cells++);
        if (bits & 128u) added += (int32_t)(int8_t)EW_READ_U8(cells++) * x[0];
        if (bits & 64u) added += (int32_t)(int8_t)EW_READ_U8(cells++) * x[1];
        if (bits & 32u) added += (int32_t)(int8_t)EW_READ_U8(cells++) * x[2];
        if (bits & 16u) added += (int32_t)(int8_t)EW_READ_U8(cells++) * x[3];
        if (bits & 8u) added += (int32_t)(int8_t)EW_READ_U8(cells++) * x[4];
        if (bits & 4u) added += (int32_t)(int8_t)EW_READ_U8(cells++) * x[5];
        if (bits & 2u) added += (int32_t)(int8_t)EW_READ_U8(cells++) * x[6];
        if (bits & 1u) added += (int32_t)(int8_t)EW_READ_U8(cells++) * x[7];
        if (--turns == 0) break;
        x += 8;
    }
    *sum = added;
    return cells;
}

EW_KERNEL void sparse_dense_bitmap_X_BIAS_Y_FORM(
    const X_T *x, Y_T *y, const uint8_t *cells, uint16_t turns, const BIAS_T *bias, uint16_t rows, EW_FORM_PARAMETERS) {
    for (uint16_t r = 0; r < rows; r++) {
        int32_t sum = EW_READ_BIAS(&bias[r]);
        cells = ew_sum_cells_X(x, cells, turns, &sum);
        y[r] = (Y_T)EW_REQUANTISE(sum, r);
    }
}
