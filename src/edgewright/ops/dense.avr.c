/* dense on AVR: four rows of unsigned bytes at a time. interleaved, start: see avr.h and _avr.py. */
#include "avr.h"

EW_KERNEL void dense_offset_X_Y_FORM(
    const X_T *x, Y_T *y, const uint8_t *interleaved, const int32_t *start, uint16_t rows, uint16_t columns, EW_FORM_PARAMETERS) {
    const uint16_t offset = sizeof(X_T) == 1 ? 0x80 : 0x8000;
    const uint32_t part = ew_offset_part_X(x, columns, offset);
    ew_rows_avr_X_Y_FORM(x, y, interleaved, start, part, 0, rows, columns, offset, EW_FORM_ARGUMENTS);
}

/* The same for an x that is never negative. */
EW_KERNEL void dense_unsigned_X_Y_FORM(
    const X_T *x, Y_T *y, const uint8_t *interleaved, const int32_t *start, uint16_t rows, uint16_t columns, EW_FORM_PARAMETERS) {
    const uint32_t part = ew_offset_part_X(x, columns, 0);
    ew_rows_avr_X_Y_FORM(x, y, interleaved, start, part, 0, rows, columns, 0, EW_FORM_ARGUMENTS);
}
