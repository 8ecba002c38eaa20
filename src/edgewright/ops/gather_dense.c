/* Products of x with chosen blocks of rows of w. */
#include "kernel.h"

EW_KERNEL void gather_dense_X_Y_shift(
    const X_T *x, const int16_t *index, Y_T *y, const int8_t *w, uint16_t blocks, uint16_t rows, uint16_t columns,
    int8_t shift, int32_t zero_point, int32_t lowest, int32_t highest) {
    for (uint16_t b = 0; b < blocks; b++) {
        const int8_t *row = w + (uint32_t)index[b] * rows * columns;
        for (uint16_t r = 0; r < rows; r++) {
            int32_t sum = 0;
            for (uint16_t c = 0; c < columns; c++) sum += (int32_t)EW_READ_I8(row++) * x[c];
            *y++ = (Y_T)ew_clip(ew_shift(sum, shift) + zero_point, lowest, highest);
        }
    }
}

EW_KERNEL void gather_dense_X_Y_shift_rows(
    const X_T *x, const int16_t *index, Y_T *y, const int8_t *w, uint16_t blocks, uint16_t rows, uint16_t columns,
    const int8_t *shift, int32_t zero_point, int32_t lowest, int32_t highest) {
    for (uint16_t b = 0; b < blocks; b++) {
        const uint32_t first = (uint32_t)index[b] * rows;
        const int8_t *row = w + first * columns;
        for (uint16_t r = 0; r < rows; r++) {
            int32_t sum = 0;
            for (uint16_t c = 0; c < columns; c++) sum += (int32_t)EW_READ_I8(row++) * x[c];
            *y++ = (Y_T)ew_clip(ew_shift(sum, EW_READ_I8(&shift[first + r])) + zero_point, lowest, highest);
        }
    }
}
