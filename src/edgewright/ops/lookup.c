/* y = table at x, straight lines between the entries. `last` is the distance from `lowest` to the end of the table, less one. */
#include "kernel.h"

EW_KERNEL void lookup_X_Y(
    const X_T *x, Y_T *y, const Y_T *table, uint16_t count, int16_t lowest, uint16_t last, uint8_t shift) {
    const uint16_t mask = (uint16_t)((1u << shift) - 1u);
    for (uint16_t i = 0; i < count; i++) {
        const uint16_t distance = (uint16_t)ew_clip((int32_t)x[i] - lowest, 0, (int32_t)last);
        const Y_T *entry = &table[distance >> shift];
        const int32_t first = EW_READ_Y(&entry[0]);
        const int32_t slope = EW_READ_Y(&entry[1]) - first;
        y[i] = (Y_T)(first + ew_rshift_round(slope * (int32_t)(distance & mask), shift));
    }
}
