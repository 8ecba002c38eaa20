/* y = windows of x: `count` values each, one begins `stride` behind the other. */
#include "kernel.h"

EW_KERNEL void windows_X(const X_T *x, X_T *y, uint16_t windows, uint16_t count, uint16_t stride) {
    for (uint16_t w = 0; w < windows; w++) {
        for (uint16_t i = 0; i < count; i++) *y++ = x[i];
        x += stride;
    }
}
