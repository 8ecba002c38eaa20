/* Sum of the leaves that x reaches in many trees; tree_ensemble.py says how the tables hold them.
   A tree is walked with three numbers: the node, the first leaf of the branch below it, and how many inner nodes that branch has. */
#include "kernel.h"

#define FEATURE_T uint8_t
#define LEFT_T uint8_t
#define LEAF_T uint16_t
#define LEAVES_T uint16_t
#define EW_READ_X EW_READ_I8
#define EW_READ_FEATURE EW_READ_U8
#define EW_READ_LEFT EW_READ_U8
#define EW_READ_LEAF EW_READ_U16
#define EW_READ_LEAVES EW_READ_U16

EW_KERNEL void tree_ensemble_X_FEATURE_LEFT_LEAF_LEAVES(
    const X_T *x, int32_t *y, const FEATURE_T *feature, const X_T *threshold, const LEFT_T *left, const LEAF_T *leaf,
    const LEAVES_T *leaves, const uint16_t *size, uint16_t trees, uint16_t outputs) {
    for (uint16_t o = 0; o < outputs; o++) y[o] = 0;
    for (uint16_t t = 0; t < trees; t++) {
        const uint16_t nodes = EW_READ_U16(&size[t]);
        uint16_t node = 0, place = 0, rest = nodes;
        while (rest > 0) {
            const uint16_t skipped = EW_READ_LEFT(&left[node]);
            if (x[EW_READ_FEATURE(&feature[node])] <= EW_READ_X(&threshold[node])) {
                node++;
                rest = skipped;
            } else {
                node = (uint16_t)(node + skipped + 1);
                place = (uint16_t)(place + skipped + 1);
                rest = (uint16_t)(rest - skipped - 1);
            }
        }
        const LEAVES_T *row = leaves + (uint32_t)EW_READ_LEAF(&leaf[place]) * outputs;
        for (uint16_t o = 0; o < outputs; o++) y[o] += EW_READ_LEAVES(&row[o]);
        feature += nodes;
        threshold += nodes;
        left += nodes;
        leaf += nodes + 1;
    }
}
