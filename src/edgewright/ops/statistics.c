/* Statistics of each channel over a window of samples, which take turns; statistics.py defines them and their codes. */
#include "kernel.h"

/* What one pass over the samples of a channel gives. */
typedef struct {
    int32_t total, lowest, highest;
    uint64_t squares;
    uint16_t zero_crossings;
} ew_statistics;

static inline int32_t ew_statistics_sample(int16_t x, int32_t low, int32_t high, uint8_t fraction) {
    return ew_clip(x, low, high) * ((int32_t)1 << fraction);
}

/* numerator / divisor, digit by digit of 16 bits. */
EW_KERNEL uint64_t ew_statistics_quotient(uint64_t numerator, uint16_t divisor) {
    uint64_t quotient = 0;
    uint32_t rest = 0;
    for (uint8_t digit = 0; digit < 4; digit++) {
        rest = rest << 16 | (uint32_t)(numerator >> 48);
        quotient = quotient << 16 | rest / divisor;
        rest %= divisor;
        numerator <<= 16;
    }
    return quotient;
}

/* The square root of an integer in 0..2^30, rounded to nearest. */
EW_KERNEL int32_t ew_statistics_root(uint32_t square) {
    uint32_t root = 0, rest = square;
    for (uint32_t bit = (uint32_t)1 << 30; bit != 0; bit >>= 2) {
        if (rest >= root + bit) {
            rest -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    return (int32_t)(rest > root ? root + 1 : root);
}

static inline void ew_statistics_pass(
    ew_statistics *found, const int16_t *x, uint16_t steps, uint16_t channels, int32_t low, int32_t high, uint8_t fraction) {
    int32_t total = 0, lowest = 32767, highest = -32768, before = ew_statistics_sample(x[0], low, high, fraction);
    uint64_t squares = 0;
    uint16_t crossings = 0;
    for (; steps > 0; steps--) {
        const int32_t sample = ew_statistics_sample(*x, low, high, fraction);
        total += sample;
        squares += (uint32_t)(sample * sample);
        if (sample < lowest) lowest = sample;
        if (sample > highest) highest = sample;
        crossings = (uint16_t)(crossings + ((sample < 0) != (before < 0)));
        before = sample;
        x += channels;
    }
    found->total = total;
    found->squares = squares;
    found->lowest = lowest;
    found->highest = highest;
    found->zero_crossings = crossings;
}

/* How often neighbours lie on different sides of total / steps. */
EW_KERNEL uint16_t ew_statistics_mean_crossings(
    const int16_t *x, uint16_t steps, uint16_t channels, int32_t low, int32_t high, uint8_t fraction, int32_t total) {
    uint16_t crossings = 0;
    uint8_t before = ew_statistics_sample(*x, low, high, fraction) * (int32_t)steps < total;
    for (uint16_t step = 1; step < steps; step++) {
        x += channels;
        const uint8_t below = ew_statistics_sample(*x, low, high, fraction) * (int32_t)steps < total;
        crossings = (uint16_t)(crossings + (below != before));
        before = below;
    }
    return crossings;
}

/* total / steps, rounded to nearest, ties up. */
static inline int32_t ew_statistics_mean(int32_t total, uint16_t steps) {
    int32_t mean = total / (int32_t)steps;
    int32_t rest = total - mean * (int32_t)steps;
    if (rest < 0) {
        rest += steps;
        mean--;
    }
    return 2 * rest >= steps ? mean + 1 : mean;
}

EW_KERNEL void statistics_samples(
    const int16_t *x, int16_t *y, uint16_t steps, uint16_t channels, const uint8_t *which, uint16_t number, int32_t low,
    int32_t high, uint8_t fraction, int32_t lowest, int32_t highest) {
    for (uint16_t c = 0; c < channels; c++) {
        ew_statistics found;
        ew_statistics_pass(&found, &x[c], steps, channels, low, high, fraction);
        for (uint16_t i = 0; i < number; i++) {
            const uint8_t code = EW_READ_U8(&which[i]);
            int32_t value;
            if (code == 0) {
                value = ew_statistics_mean(found.total, steps);
            } else if (code == 1) {
                const uint32_t magnitude = found.total < 0 ? 0u - (uint32_t)found.total : (uint32_t)found.total;
                const uint64_t spread = steps * found.squares - (uint64_t)magnitude * magnitude;
                value = ew_statistics_root((uint32_t)ew_statistics_quotient(ew_statistics_quotient(spread, steps), steps));
            } else if (code == 2) {
                value = found.lowest;
            } else if (code == 3) {
                value = found.highest;
            } else if (code == 4) {
                value = found.highest - found.lowest;
            } else if (code == 5) {
                value = ew_statistics_root((uint32_t)ew_statistics_quotient(found.squares, steps));
            } else {
                const uint16_t crossings =
                    code == 6 ? found.zero_crossings
                              : ew_statistics_mean_crossings(&x[c], steps, channels, low, high, fraction, found.total);
                value = (int32_t)crossings * ((int32_t)1 << fraction);
            }
            *y++ = (int16_t)ew_clip(value, lowest, highest);
        }
    }
}
