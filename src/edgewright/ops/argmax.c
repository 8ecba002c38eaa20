/* y = number of the largest entry, the first of equals. */
#include "kernel.h"

EW_KERNEL void argmax_X(const X_T *x, int16_t *y, uint16_t count) {
    uint16_t best = 0;
    for (uint16_t i = 1; i < count; i++) {
        if (x[i] > x[best]) best = i;
    }
    *y = (int16_t)best;
}
