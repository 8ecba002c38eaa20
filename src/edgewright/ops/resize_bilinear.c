/* y = image x [height, width, channels] in another size. places: for each row of y, then for each column, the first of the two
   neighbours in x and the share of the second, in steps of 2^-bits; the second is the same pixel at the edge. */
#include "kernel.h"

EW_KERNEL void resize_bilinear_X(
    const X_T *x, X_T *y, const uint16_t *places, uint16_t height, uint16_t width, uint16_t channels, uint16_t down,
    uint16_t across, uint8_t bits) {
    const int32_t whole = (int32_t)1 << bits;
    for (uint16_t i = 0; i < down; i++) {
        const uint16_t top = EW_READ_U16(&places[2 * i]);
        const int32_t lower = EW_READ_U16(&places[2 * i + 1]);
        const X_T *first = &x[(uint32_t)top * width * channels];
        const X_T *second = top + 1 < height ? &first[(uint32_t)width * channels] : first;
        for (uint16_t j = 0; j < across; j++) {
            const uint16_t *column = &places[2 * ((uint32_t)down + j)];
            const uint16_t left = EW_READ_U16(&column[0]);
            const int32_t righter = EW_READ_U16(&column[1]);
            const uint32_t here = (uint32_t)left * channels;
            const uint32_t there = left + 1 < width ? here + channels : here;
            for (uint16_t c = 0; c < channels; c++) {
                const int32_t above = first[here + c] * (whole - righter) + first[there + c] * righter;
                const int32_t below = second[here + c] * (whole - righter) + second[there + c] * righter;
                *y++ = (X_T)ew_rshift_round(above * (whole - lower) + below * lower, (uint8_t)(2 * bits));
            }
        }
    }
}
