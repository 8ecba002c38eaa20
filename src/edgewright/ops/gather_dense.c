/* Products of x with chosen blocks of rows of w. The rows of each block lie as rows.h says. */
#include "rows.h"

EW_KERNEL void gather_dense_X_Y_FORM(
    const X_T *x, const int16_t *index, Y_T *y, const int8_t *rows_of_w, uint16_t blocks, uint16_t rows, uint16_t columns,
    EW_FORM_PARAMETERS) {
    for (uint16_t b = 0; b < blocks; b++) {
        uint32_t row = (uint32_t)index[b] * rows;
        const uint32_t end = row + rows;
        const int8_t *w = rows_of_w + row * columns;
        while (end - row >= 4) {
            int32_t sums[4];
            sums[0] = sums[1] = sums[2] = sums[3] = 0;
            ew_add_4_rows_X(w, x, columns, sums);
            w += 4 * (uint32_t)columns;
            for (uint8_t i = 0; i < 4; i++) {
                *y++ = (Y_T)EW_REQUANTISE(sums[i], row);
                row++;
            }
        }
        for (; row < end; row++) {
            int32_t sum = 0;
            for (uint16_t c = 0; c < columns; c++) sum += ew_product_X(EW_READ_I8(w++), x[c]);
            *y++ = (Y_T)EW_REQUANTISE(sum, row);
        }
    }
}
