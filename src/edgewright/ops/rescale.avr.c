/* rescale on AVR. */
#include "kernel.h"

/* From 16 bits to 8, where one step of y is 2^bits of x, 2 to 256: within 16 bits, as cores of 8 bits like it. */
EW_KERNEL void rescale_narrow(const int16_t *x, int8_t *y, uint16_t count, uint8_t bits, int8_t lowest, int8_t highest) {
    const int16_t least = (int16_t)(lowest * (1 << bits)), most = (int16_t)(highest * (1 << bits));
    const int16_t half = (int16_t)(1 << (bits - 1));
    for (uint16_t i = 0; i < count; i++) {
        const int16_t entry = x[i];
        if (entry >= most) {
            y[i] = highest;
        } else if (entry <= least) {
            y[i] = lowest;
        } else {
            int16_t sum = (int16_t)(entry + half);
#if defined(__AVR__)
            for (uint8_t bit = bits; bit < 8; bit++) sum = (int16_t)(sum * 2); /* up to the upper byte is not as far */
            y[i] = (int8_t)(sum >> 8);
#else
            y[i] = (int8_t)(sum >> bits);
#endif
        }
    }
}
