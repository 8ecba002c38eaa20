/* Sum of the leaves that x reaches in many trees; _tree_records.py says how records and leaves are packed. */
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

/* One record is 32 bits: feature in the lowest byte, limit in the highest, between them where to go. */
EW_KERNEL void tree_ensemble_short_LEAVES(
    const int8_t *x, int32_t *y, const int32_t *records, const uint16_t *lengths, const uint8_t *targets, const LEAVES_T *shares,
    uint16_t trees, uint16_t outputs) {
    for (uint16_t o = 0; o < outputs; o++) y[o] = 0;
    for (uint16_t t = 0; t < trees; t++) {
        const int32_t *next = records;
        int32_t record, word;
        for (;;) {
            do record = EW_READ_I32(next++); while (x[(uint8_t)record] < record >> 24);
            word = (int32_t)((uint32_t)record << 8);
            if (word < 0) break;
            next += word >> 16;
        }
        const uint16_t leaf = (uint16_t)(((uint32_t)record >> 8) & 0x7fff);
        const uint8_t *target = targets + leaf;
        const LEAVES_T *share = shares + leaf;
        uint8_t marked;
        do {
            marked = EW_READ_U8(target++);
            y[marked & 127] += EW_READ_LEAVES(share++);
        } while (marked < 128);
        records += EW_READ_U16(&lengths[t]);
    }
}

/* Feature, limit and where to go in a word each. */
EW_KERNEL void tree_ensemble_long_X_LEAVES(
    const X_T *x, int32_t *y, const int16_t *records, const uint16_t *lengths, const uint8_t *targets, const LEAVES_T *shares,
    uint16_t trees, uint16_t outputs) {
    for (uint16_t o = 0; o < outputs; o++) y[o] = 0;
    for (uint16_t t = 0; t < trees; t++) {
        const int16_t *record = records;
        int16_t word;
        for (;;) {
            do {
                record += 3;
            } while (x[EW_READ_I16(record - 3)] < EW_READ_I16(record - 2));
            word = EW_READ_I16(record - 1);
            if (word < 0) break;
            record += word;
        }
        const uint16_t leaf = (uint16_t)word & 0x7fff;
        const uint8_t *target = targets + leaf;
        const LEAVES_T *share = shares + leaf;
        uint8_t marked;
        do {
            marked = EW_READ_U8(target++);
            y[marked & 127] += EW_READ_LEAVES(share++);
        } while (marked < 128);
        records += EW_READ_U16(&lengths[t]);
    }
}

/* Any tables, as the operator has them. A tree is walked with three numbers: the node, the first leaf of the branch below it, and how
   many inner nodes that branch has. */
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
