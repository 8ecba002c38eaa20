/* y = w x + bias, requantised. The rows of w lie as rows.h says. */
#include "rows.h"

EW_KERNEL void dense_X_BIAS_Y_FORM(
    const X_T *x, Y_T *y, const int8_t *rows_of_w, const BIAS_T *bias, uint16_t rows, uint16_t columns,
    EW_FORM_PARAMETERS) {
    ew_rows_X_BIAS_Y_FORM(x, y, rows_of_w, bias, rows, columns, EW_FORM_ARGUMENTS);
}
