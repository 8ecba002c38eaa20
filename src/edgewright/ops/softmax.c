/* y = softmax of each row of x. 2^-z by a table of 65 entries for the fraction of z and a shift for the rest; the reciprocal of
   the sum by a table of 33 entries and one step of Newton's method. softmax.py proves every index and every width. */
#include "kernel.h"

/* 2^(15 + bits) * exp(scale * (x - largest)); `distance` is how far x lies below the largest. */
static inline int32_t ew_softmax_power(
    int32_t distance, int32_t last, int32_t factor, uint8_t shift, uint8_t bits, const uint16_t *powers) {
    const int32_t exponent = ew_clip(ew_rshift_round((distance < last ? distance : last) * factor, shift), 0, (int32_t)30 << 20);
    const uint16_t *entry = &powers[(exponent >> 14) & 63];
    const int32_t first = EW_READ_U16(&entry[0]);
    const int32_t slope = EW_READ_U16(&entry[1]) - first;
    const int32_t power = first + ew_rshift_round(slope * (exponent & 0x3fff), 14);
    return ew_rshift_round(power * ((int32_t)1 << bits), (uint8_t)(exponent >> 20));
}

EW_KERNEL void softmax_X_Y(
    const X_T *x, Y_T *y, const uint16_t *powers, const uint16_t *reciprocals, uint16_t rows, uint16_t columns, int32_t last,
    int32_t factor, uint8_t shift, uint8_t bits, int32_t multiplier, uint8_t y_shift, int32_t zero_point, int32_t lowest,
    int32_t highest) {
    for (uint16_t r = 0; r < rows; r++) {
        X_T largest = x[0];
        int32_t sum = 0;
        uint8_t left = 0;
        for (uint16_t c = 1; c < columns; c++) {
            if (x[c] > largest) largest = x[c];
        }
        for (uint16_t c = 0; c < columns; c++) {
            sum += ew_softmax_power((int32_t)largest - x[c], last, factor, shift, bits, powers);
        }
        while (sum < (int32_t)1 << 30) {
            sum *= 2;
            left++;
        }
        const uint16_t *entry = &reciprocals[(sum >> 25) & 31];
        const int32_t first = EW_READ_U16(&entry[0]);
        const int32_t slope = EW_READ_U16(&entry[1]) - first;
        const int32_t guess = first + ew_rshift_round(slope * ((sum >> 15) & 1023), 10);
        const int32_t missing = ((int32_t)1 << 30) - (int32_t)(((int64_t)guess * sum) >> 15);
        const int32_t reciprocal = guess * 32768 + ((guess * (missing >> 4)) >> 11);
        const int32_t part = (int32_t)ew_scale(reciprocal, multiplier, 30);
        for (uint16_t c = 0; c < columns; c++) {
            const int32_t power = ew_softmax_power((int32_t)largest - x[c], last, factor, shift, bits, powers);
            y[c] = (Y_T)ew_clip_wide(ew_scale(power, part, (uint8_t)(y_shift - left)) + zero_point, lowest, highest);
        }
        x += columns;
        y += columns;
    }
}
