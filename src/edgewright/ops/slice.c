/* y = blocks of x: `count` values each, the first at `first`, the next `stride` further on. */
#include "kernel.h"

EW_KERNEL void slice_X(const X_T *x, X_T *y, uint16_t blocks, uint16_t stride, uint16_t first, uint16_t count) {
    for (uint16_t b = 0; b < blocks; b++) {
        for (uint16_t i = 0; i < count; i++) *y++ = x[first + i];
        x += stride;
    }
}
