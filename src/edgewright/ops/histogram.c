/* y = how many steps of each channel lie in each of `bins` equal bins; what lies beyond counts in the first or the last. `span` is how
   far the highest edge lies above `lowest`, as 2^exponent where it is a power of two, so that no division is needed. */
#include "kernel.h"

EW_KERNEL void histogram_shift_X(
    const X_T *x, int16_t *y, const int32_t *lowest, const uint8_t *exponent, uint16_t steps, uint16_t channels,
    uint16_t bins) {
    for (uint16_t c = 0; c < channels; c++) {
        const int32_t low = EW_READ_I32(&lowest[c]);
        const uint8_t shift = EW_READ_U8(&exponent[c]);
        uint16_t entry = c;
        for (uint16_t b = 0; b < bins; b++) y[b] = 0;
        for (uint16_t i = 0; i < steps; i++) {
            const int32_t above = (int32_t)x[entry] - low;
            uint16_t bin = 0;
            if (above >= (int32_t)1 << shift) {
                bin = (uint16_t)(bins - 1);
            } else if (above > 0) {
                bin = (uint16_t)(((uint32_t)above * bins) >> shift);
            }
            y[bin]++;
            entry = (uint16_t)(entry + channels);
        }
        y += bins;
    }
}

EW_KERNEL void histogram_X(
    const X_T *x, int16_t *y, const int32_t *lowest, const int32_t *span, uint16_t steps, uint16_t channels,
    uint16_t bins) {
    for (uint16_t c = 0; c < channels; c++) {
        const int32_t low = EW_READ_I32(&lowest[c]);
        const int32_t whole = EW_READ_I32(&span[c]);
        uint16_t entry = c;
        for (uint16_t b = 0; b < bins; b++) y[b] = 0;
        for (uint16_t i = 0; i < steps; i++) {
            const int32_t above = (int32_t)x[entry] - low;
            uint16_t bin = 0;
            if (above >= whole) {
                bin = (uint16_t)(bins - 1);
            } else if (above > 0) {
                bin = (uint16_t)((uint32_t)above * bins / (uint32_t)whole);
            }
            y[bin]++;
            entry = (uint16_t)(entry + channels);
        }
        y += bins;
    }
}
