/* The prototypes nearest to x vote for their labels, or give the mean of their targets. */
#include "kernel.h"

#define PROTOTYPES_T int8_t
#define ANSWERS_T uint8_t
#define EW_READ_PROTOTYPES EW_READ_I8
#define EW_READ_ANSWERS EW_READ_U8

/* The `wanted` nearest prototypes, the nearest first, of equals the first: their squared distances and their numbers. */
static inline void ew_nearest_X_PROTOTYPES(
    const X_T *x, const PROTOTYPES_T *prototypes, uint16_t count, uint16_t columns, int16_t x_zero_point, uint8_t x_shift,
    int32_t prototype_factor, uint16_t wanted, int32_t *distances, int16_t *numbers) {
    uint16_t found = 0;
    for (uint16_t p = 0; p < count; p++) {
        int32_t sum = 0;
        for (uint16_t c = 0; c < columns; c++) {
            const int32_t placed = EW_READ_PROTOTYPES(prototypes++) * prototype_factor;
            const int32_t difference = ew_rshift_round((int32_t)x[c] - x_zero_point, x_shift) - placed;
            sum += difference * difference;
        }
        if (found == wanted && sum >= distances[found - 1]) continue;
        if (found < wanted) found++;
        uint16_t place = (uint16_t)(found - 1);
        for (; place > 0 && distances[place - 1] > sum; place--) {
            distances[place] = distances[place - 1];
            numbers[place] = numbers[place - 1];
        }
        distances[place] = sum;
        numbers[place] = (int16_t)p;
    }
}

/* The largest root with root * root <= x; x below 2^30. */
static inline int32_t ew_root(int32_t x) {
    int32_t root = 0;
    for (int32_t bit = (int32_t)1 << 14; bit > 0; bit >>= 1) {
        const int32_t tried = root + bit;
        if (tried * tried <= x) root = tried;
    }
    return root;
}

/* Squared distances become shares: the distance of the nearest over that of each, in parts of 2^bits; where the nearest is at no
   distance, others have none. Without bits each has a share of 1. */
static inline void ew_shares(int32_t *distances, uint16_t wanted, uint8_t bits) {
    const int32_t whole = (int32_t)1 << bits;
    const int32_t nearest = distances[0], farthest = distances[wanted - 1];
    uint8_t shift = 0;
    while (nearest > 0 && (farthest >> (28 - shift)) == 0) shift = (uint8_t)(shift + 2);
    const int32_t root = ew_root(nearest << shift);
    for (uint16_t n = 0; n < wanted; n++) {
        if (bits == 0) {
            distances[n] = 1;
        } else if (nearest == 0) {
            distances[n] = distances[n] == 0 ? whole : 0;
        } else {
            distances[n] = root * whole / ew_root(distances[n] << shift);
        }
    }
}

EW_KERNEL void nearest_neighbours_vote_X_PROTOTYPES_ANSWERS(
    const X_T *x, int32_t *y, const PROTOTYPES_T *prototypes, const ANSWERS_T *labels, uint16_t count, uint16_t columns,
    int16_t x_zero_point, uint8_t x_shift, int32_t prototype_factor, uint16_t wanted, uint8_t bits, uint16_t outputs,
    int32_t *distances, int16_t *numbers) {
    ew_nearest_X_PROTOTYPES(x, prototypes, count, columns, x_zero_point, x_shift, prototype_factor, wanted, distances, numbers);
    ew_shares(distances, wanted, bits);
    for (uint16_t o = 0; o < outputs; o++) y[o] = 0;
    for (uint16_t n = 0; n < wanted; n++) y[EW_READ_ANSWERS(&labels[numbers[n]])] += distances[n];
}

EW_KERNEL void nearest_neighbours_mean_X_PROTOTYPES(
    const X_T *x, int16_t *y, const PROTOTYPES_T *prototypes, const int16_t *targets, uint16_t count, uint16_t columns,
    int16_t x_zero_point, uint8_t x_shift, int32_t prototype_factor, uint16_t wanted, uint8_t bits, uint16_t outputs,
    int32_t *distances, int16_t *numbers) {
    ew_nearest_X_PROTOTYPES(x, prototypes, count, columns, x_zero_point, x_shift, prototype_factor, wanted, distances, numbers);
    ew_shares(distances, wanted, bits);
    int32_t whole = 0;
    for (uint16_t n = 0; n < wanted; n++) whole += distances[n];
    for (uint16_t o = 0; o < outputs; o++) {
        int32_t sum = whole >> 1;
        for (uint16_t n = 0; n < wanted; n++) sum += EW_READ_I16(&targets[(uint32_t)numbers[n] * outputs + o]) * distances[n];
        y[o] = (int16_t)(sum / whole - (sum % whole < 0 ? 1 : 0));
    }
}
