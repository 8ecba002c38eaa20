/* Products of x with chosen blocks of rows of w. */
#include "kernel.h"

EW_KERNEL void gather_dense_X_Y_FORM(
    const X_T *x, const int16_t *index, Y_T *y, const int8_t *w, uint16_t blocks, uint16_t rows, uint16_t columns,
    EW_FORM_PARAMETERS) {
    for (uint16_t b = 0; b < blocks; b++) {
        const uint32_t first = (uint32_t)index[b] * rows;
        const int8_t *row = w + first * columns;
        for (uint16_t r = 0; r < rows; r++) {
            int32_t sum = 0;
            for (uint16_t c = 0; c < columns; c++) sum += (int32_t)EW_READ_I8(row++) * x[c];
            *y++ = (Y_T)EW_REQUANTISE(sum, first + r);
        }
    }
}
