/* y = w x + bias, requantised. w is stored row by row.
   The forms differ in how a sum becomes an output: by one shift or one multiplier, or by one of them a row. */
#include "kernel.h"

EW_KERNEL void dense_X_BIAS_Y_shift(
    const X_T *x, Y_T *y, const int8_t *w, const BIAS_T *bias, uint16_t rows, uint16_t columns,
    int8_t shift, int32_t zero_point, int32_t lowest, int32_t highest) {
    for (uint16_t r = 0; r < rows; r++) {
        int32_t sum = EW_READ_BIAS(&bias[r]);
        for (uint16_t c = 0; c < columns; c++) sum += (int32_t)EW_READ_I8(w++) * x[c];
        y[r] = (Y_T)ew_clip(ew_shift(sum, shift) + zero_point, lowest, highest);
    }
}

EW_KERNEL void dense_X_BIAS_Y_shift_rows(
    const X_T *x, Y_T *y, const int8_t *w, const BIAS_T *bias, uint16_t rows, uint16_t columns,
    const int8_t *shift, int32_t zero_point, int32_t lowest, int32_t highest) {
    for (uint16_t r = 0; r < rows; r++) {
        int32_t sum = EW_READ_BIAS(&bias[r]);
        for (uint16_t c = 0; c < columns; c++) sum += (int32_t)EW_READ_I8(w++) * x[c];
        y[r] = (Y_T)ew_clip(ew_shift(sum, EW_READ_I8(&shift[r])) + zero_point, lowest, highest);
    }
}

EW_KERNEL void dense_X_BIAS_Y_scale(
    const X_T *x, Y_T *y, const int8_t *w, const BIAS_T *bias, uint16_t rows, uint16_t columns,
    int32_t multiplier, uint8_t shift, int32_t zero_point, int32_t lowest, int32_t highest) {
    for (uint16_t r = 0; r < rows; r++) {
        int32_t sum = EW_READ_BIAS(&bias[r]);
        for (uint16_t c = 0; c < columns; c++) sum += (int32_t)EW_READ_I8(w++) * x[c];
        y[r] = (Y_T)ew_clip_wide(ew_scale(sum, multiplier, shift) + zero_point, lowest, highest);
    }
}

EW_KERNEL void dense_X_BIAS_Y_scale_rows(
    const X_T *x, Y_T *y, const int8_t *w, const BIAS_T *bias, uint16_t rows, uint16_t columns,
    const int32_t *multiplier, const uint8_t *shift, int32_t zero_point, int32_t lowest, int32_t highest) {
    for (uint16_t r = 0; r < rows; r++) {
        int32_t sum = EW_READ_BIAS(&bias[r]);
        for (uint16_t c = 0; c < columns; c++) sum += (int32_t)EW_READ_I8(w++) * x[c];
        y[r] = (Y_T)ew_clip_wide(
            ew_scale(sum, EW_READ_I32(&multiplier[r]), EW_READ_U8(&shift[r])) + zero_point, lowest, highest);
    }
}
