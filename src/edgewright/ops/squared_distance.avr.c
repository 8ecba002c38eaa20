/* squared_distance on AVR, where products of rows are much cheaper than squares: |x - f p|^2 = |x|^2 - 2 f p x + |f p|^2, modulo 2^32. */
#include "avr.h"

/* interleaved: the prototypes, see avr.h. ends: |f p|^2, less what the offset of x adds to the product. placed: room for x. */
EW_KERNEL void squared_distance_products_X_Y_FORM(
    const X_T *x, Y_T *y, const uint8_t *interleaved, const int32_t *ends, int16_t *placed, uint16_t count, uint16_t columns,
    int16_t x_zero_point, uint8_t x_shift, int32_t prototype_factor, EW_FORM_PARAMETERS) {
    uint32_t square = 0;
    for (uint16_t c = 0; c < columns; c++) {
        placed[c] = (int16_t)ew_rshift_round((int32_t)x[c] - x_zero_point, x_shift);
        square += (uint32_t)((int32_t)placed[c] * placed[c]);
    }
    const uint32_t factor = 2 * (uint32_t)prototype_factor;
    const uint32_t square_of_fours = square + factor * ew_offset_part_X(placed, columns, 0x8000);
    const uint16_t fours = count & (uint16_t)~3u;
    for (uint16_t p = 0; p < count;) {
        int32_t products[4] = {0, 0, 0, 0};
        uint8_t together = 1;
        if (p < fours) {
            together = 4;
            ew_multiply_4_rows_X(interleaved, placed, columns, 0x8000, products);
        } else {
            products[0] = ew_multiply_row_X((const int8_t *)interleaved, placed, columns, 0);
        }
        interleaved += together * columns;
        for (uint8_t i = 0; i < together; i++) {
            const uint32_t end = (p < fours ? square_of_fours : square) + (uint32_t)EW_READ_I32(ends++);
            const int32_t sum = (int32_t)(end - factor * (uint32_t)products[i]);
            *y++ = (Y_T)EW_REQUANTISE(sum, 0);
        }
        p = (uint16_t)(p + together);
    }
}
