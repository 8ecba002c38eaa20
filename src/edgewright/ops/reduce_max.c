/* y = largest entries of x along one axis. */
#include "kernel.h"

EW_KERNEL void reduce_max_X(const X_T *x, X_T *y, uint16_t before, uint16_t along, uint16_t behind) {
    uint16_t first = 0;
    for (uint16_t b = 0; b < before; b++) {
        for (uint16_t i = 0; i < behind; i++) {
            uint16_t entry = (uint16_t)(first + i);
            X_T largest = x[entry];
            for (uint16_t k = 1; k < along; k++) {
                entry = (uint16_t)(entry + behind);
                if (x[entry] > largest) largest = x[entry];
            }
            *y++ = largest;
        }
        first = (uint16_t)(first + (uint32_t)along * behind);
    }
}
