/* lookup on AVR, for up to 256 intervals of up to 256 steps: which interval, and how far into it, are a byte each. */
#include "kernel.h"

EW_KERNEL void lookup_bytes_X_Y(
    const X_T *x, Y_T *y, const Y_T *table, uint16_t count, int16_t lowest, uint16_t last, uint8_t shift) {
    const X_T *const end = x + count;
    while (x != end) {
        const int16_t entry = *x++;
        uint16_t distance = entry > lowest ? (uint16_t)((uint16_t)entry - (uint16_t)lowest) : 0;
        if (distance > last) distance = last;
        distance = (uint16_t)(distance << (8 - shift));
        const Y_T *place = &table[(uint8_t)(distance >> 8)];
        const int16_t first = EW_READ_Y(&place[0]);
        const int16_t slope = (int16_t)(EW_READ_Y(&place[1]) - first);
        const uint8_t fraction = (uint8_t)distance;
        /* (slope * fraction + 128) >> 8, by the bytes of the slope */
        const uint16_t low = (uint16_t)((uint16_t)(uint8_t)slope * fraction);
        const int16_t high = (int16_t)((int16_t)(int8_t)(slope >> 8) * fraction);
        *y++ = (Y_T)(first + high + (int16_t)((uint16_t)(low + 128u) >> 8));
    }
}
