/* dense of int8 on cores with DSP instructions: four rows at a time. packed, start, rest, pairs: see dsp.h. */
#include "dsp.h"

EW_KERNEL void dense_words_Y_FORM(
    const int8_t *x, Y_T *y, const int32_t *packed, const int32_t *start, const int32_t *rest, int32_t *pairs, uint16_t rows,
    uint16_t columns, EW_FORM_PARAMETERS) {
    const int32_t *end = ew_widen_vector(x, pairs, columns);
    for (uint16_t r = 0; r < rows;) {
        int32_t sums[4];
        for (uint8_t i = 0; i < 4; i++) sums[i] = EW_READ_I32(start++);
        packed = ew_multiply_4_1(packed, pairs, end, sums);
        for (uint8_t i = 0; i < 4 && r < rows; i++) {
            const int32_t sum = (sums[i] >> 8) + (rest ? EW_READ_I32(&rest[r]) : 0);
            y[r] = (Y_T)EW_REQUANTISE(sum, r);
            r++;
        }
    }
}
