/* gather_dense on AVR: four rows of a block at a time. interleaved, start: see avr.h and _avr.py. */
#include "avr.h"

EW_KERNEL void gather_dense_offset_X_Y_FORM(
    const X_T *x, const int16_t *index, Y_T *y, const uint8_t *interleaved, const int32_t *start, uint16_t blocks, uint16_t rows,
    uint16_t columns, EW_FORM_PARAMETERS) {
    const uint16_t offset = sizeof(X_T) == 1 ? 0x80 : 0x8000;
    const uint32_t part = ew_offset_part_X(x, columns, offset);
    for (uint16_t b = 0; b < blocks; b++) {
        const uint16_t first = (uint16_t)((uint16_t)index[b] * rows);
        const uint8_t *w = interleaved + (uint32_t)first * columns;
        ew_rows_avr_X_Y_FORM(x, y, w, start + first, part, first, rows, columns, offset, EW_FORM_ARGUMENTS);
        y += rows;
    }
}
