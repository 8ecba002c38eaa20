/* dense on cores with Thumb-1 instructions only: see packed.h. */
#include "packed.h"

/* packed: words of four rows. left: the rows beyond the last four, one by one. stream: x as ew_add_stream reads it. */
EW_KERNEL void dense_stream_BIAS_Y_FORM(
    const int8_t *x, Y_T *y, const int32_t *packed, const uint8_t *pairs, const int8_t *left, const BIAS_T *bias,
    int32_t *stream, uint16_t chunks, uint16_t rows, uint16_t columns, EW_FORM_PARAMETERS) {
    const int32_t *const end = ew_make_stream(x, stream, pairs, chunks, columns);
    const uint32_t taken = (uint32_t)chunks * 32768u;
    uint16_t r = 0;
    while (rows - r >= 4) {
        int32_t sums[4];
        for (uint8_t i = 0; i < 4; i++) sums[i] = (int32_t)((uint32_t)EW_READ_BIAS(&bias[r + i]) - taken);
        packed = ew_add_stream(packed, stream, end, sums);
        for (uint8_t i = 0; i < 4; i++) {
            y[r] = (Y_T)EW_REQUANTISE(sums[i], r);
            r++;
        }
    }
    ew_left_rows_BIAS_Y_FORM(x, y, left, bias, r, rows, columns, EW_FORM_ARGUMENTS);
}
