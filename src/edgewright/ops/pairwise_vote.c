/* One vote for each pair of classes: for the first one where its score is above zero, else for the second one. */
#include "kernel.h"

EW_KERNEL void pairwise_vote_X(const X_T *x, int16_t *y, uint16_t classes, int16_t zero_point) {
    for (uint16_t c = 0; c < classes; c++) y[c] = 0;
    for (uint16_t first = 0; first < classes; first++) {
        for (uint16_t second = (uint16_t)(first + 1); second < classes; second++) y[*x++ > zero_point ? first : second]++;
    }
}
