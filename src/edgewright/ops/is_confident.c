/* y = 1 where the score `entry`, or the largest where entry is below 0, is `least` or more above the largest of the others. */
#include "kernel.h"

EW_KERNEL void is_confident_X(const X_T *x, uint8_t *y, uint16_t count, int16_t entry, int32_t least) {
    uint16_t best = 0;
    if (entry < 0) {
        for (uint16_t i = 1; i < count; i++) {
            if (x[i] > x[best]) best = i;
        }
    } else {
        best = (uint16_t)entry;
    }
    X_T others = x[best ? 0 : 1];
    for (uint16_t i = 0; i < count; i++) {
        if (i != best && x[i] > others) others = x[i];
    }
    *y = (uint8_t)((int32_t)x[best] - others >= least);
}
