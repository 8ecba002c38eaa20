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

EW_KERNEL void sparse_dense_X_COUNTS_BIAS_Y_shift(
    const X_T *x, Y_T *y, const int8_t *values, const uint8_t *gaps, const COUNTS_T *counts, const BIAS_T *bias, uint16_t rows,
    int8_t shift, int32_t zero_point, int32_t lowest, int32_t highest) {
    for (uint16_t r = 0; r < rows; r++) {
        const int32_t sum = EW_READ_BIAS(&bias[r]) + ew_sparse_row_X(x, &values, &gaps, EW_READ_COUNTS(&counts[r]));
        y[r] = (Y_T)ew_clip(ew_shift(sum, shift) + zero_point, lowest, highest);
    }
}

EW_KERNEL void sparse_dense_X_COUNTS_BIAS_Y_shift_rows(
    const X_T *x, Y_T *y, const int8_t *values, const uint8_t *gaps, const COUNTS_T *counts, const BIAS_T *bias, uint16_t rows,
    const int8_t *shift, int32_t zero_point, int32_t lowest, int32_t highest) {
    for (uint16_t r = 0; r < rows; r++) {
        const int32_t sum = EW_READ_BIAS(&bias[r]) + ew_sparse_row_X(x, &values, &gaps, EW_READ_COUNTS(&counts[r]));
        y[r] = (Y_T)ew_clip(ew_shift(sum, EW_READ_I8(&shift[r])) + zero_point, lowest, highest);
    }
}

EW_KERNEL void sparse_dense_X_COUNTS_BIAS_Y_scale(
    const X_T *x, Y_T *y, const int8_t *values, const uint8_t *gaps, const COUNTS_T *counts, const BIAS_T *bias, uint16_t rows,
    int32_t multiplier, uint8_t shift, int32_t zero_point, int32_t lowest, int32_t highest) {
    for (uint16_t r = 0; r < rows; r++) {
        const int32_t sum = EW_READ_BIAS(&bias[r]) + ew_sparse_row_X(x, &values, &gaps, EW_READ_COUNTS(&counts[r]));
        y[r] = (Y_T)ew_clip_wide(ew_scale(sum, multiplier, shift) + zero_point, lowest, highest);
    }
}

EW_KERNEL void sparse_dense_X_COUNTS_BIAS_Y_scale_rows(
    const X_T *x, Y_T *y, const int8_t *values, const uint8_t *gaps, const COUNTS_T *counts, const BIAS_T *bias, uint16_t rows,
    const int32_t *multiplier, const uint8_t *shift, int32_t zero_point, int32_t lowest, int32_t highest) {
    for (uint16_t r = 0; r < rows; r++) {
        const int32_t sum = EW_READ_BIAS(&bias[r]) + ew_sparse_row_X(x, &values, &gaps, EW_READ_COUNTS(&counts[r]));
        y[r] = (Y_T)ew_clip_wide(
            ew_scale(sum, EW_READ_I32(&multiplier[r]), EW_READ_U8(&shift[r])) + zero_point, lowest, highest);
    }
}
