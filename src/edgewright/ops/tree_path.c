/* The nodes on the path of x through a balanced tree of hyperplanes, breadth-first numbers. Only the hyperplanes on the path are computed. */
#include "kernel.h"

EW_KERNEL void tree_path_X(const X_T *x, int16_t *y, const int8_t *w, uint8_t depth, uint16_t columns) {
    int16_t node = 0;
    y[0] = 0;
    for (uint8_t level = 1; level <= depth; level++) {
        const int8_t *row = w + (uint32_t)node * columns;
        int32_t sum = 0;
        for (uint16_t c = 0; c < columns; c++) sum += (int32_t)EW_READ_I8(&row[c]) * x[c];
        node = (int16_t)(2 * node + (sum > 0 ? 1 : 2));
        y[level] = node;
    }
}
