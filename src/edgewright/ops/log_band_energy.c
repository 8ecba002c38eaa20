/* log2 of the energy of a spectrum in bands. A frequency counts in two neighbouring bands, so that its energy is computed once:
   `counts` says how many frequencies lie between one band's begin and the next one's, `pairs` their weights in both.
   log_band_energy.py defines every rounding and proves that 64 bits hold each sum. */
#include "kernel.h"

/* log2 of a sum above 0 in steps of 2^-15. */
static inline int32_t ew_logarithm(uint64_t sum, const uint16_t *logarithms) {
    uint32_t high = (uint32_t)(sum >> 32);
    uint8_t exponent = 63;
    if (high == 0) {
        high = (uint32_t)sum;
        sum = 0;
        exponent = 31;
    }
    uint32_t low = (uint32_t)sum;
    while (high < 0x01000000u) {
        high = high << 8 | low >> 24;
        low <<= 8;
        exponent = (uint8_t)(exponent - 8);
    }
    while (high < 0x80000000u) {
        high = high << 1 | low >> 31;
        low <<= 1;
        exponent--;
    }
    const uint16_t *entry = &logarithms[(high >> 26) & 31u];
    const int32_t first = EW_READ_U16(&entry[0]);
    const int32_t slope = EW_READ_U16(&entry[1]) - first;
    return (int32_t)exponent * 32768 + first + ew_rshift_round(slope * (int32_t)((high >> 16) & 1023u), 10);
}

/* x^2. Cores without a long multiplication do with four short ones. */
static inline uint64_t ew_square(int32_t x) {
#if defined(__AVR__) || (defined(__ARM_ARCH) && __ARM_ARCH == 6)
    const uint32_t magnitude = x < 0 ? 0u - (uint32_t)x : (uint32_t)x, high = magnitude >> 16, low = magnitude & 0xFFFFu;
    return ((uint64_t)(high * high) << 32 | low * low) + ((uint64_t)(high * low) << 17);
#else
    return (uint64_t)((int64_t)x * x);
#endif
}

/* energy * weight, which 63 bits hold. */
static inline uint64_t ew_weigh(uint64_t energy, uint32_t weight) {
    const uint32_t high = (uint32_t)(energy >> 32), low = (uint32_t)energy;
#if defined(__AVR__) || (defined(__ARM_ARCH) && __ARM_ARCH == 6)
    return ((uint64_t)(high * weight) << 32 | (low & 0xFFFFu) * weight) + ((uint64_t)((low >> 16) * weight) << 16);
#else
    return (uint64_t)low * weight + ((uint64_t)(high * weight) << 32);
#endif
}

EW_KERNEL void log_band_energy_bins(
    const int32_t *x, int16_t *y, uint16_t first, const uint16_t *counts, const int16_t *pairs, uint16_t bands, uint8_t shift,
    int32_t unit, const uint16_t *logarithms, int32_t lowest, int32_t highest) {
    const uint64_t half = ((uint64_t)1 << shift) >> 1;
    uint64_t ending = 0, beginning = 0;
    x += 2 * (uint32_t)first;
    for (uint16_t band = 0; band <= bands; band++) {
        for (uint16_t count = EW_READ_U16(&counts[band]); count > 0; count--) {
            const uint64_t energy = (ew_square(x[0]) + ew_square(x[1]) + half) >> shift;
            ending += ew_weigh(energy, (uint16_t)EW_READ_I16(&pairs[0]));
            beginning += ew_weigh(energy, (uint16_t)EW_READ_I16(&pairs[1]));
            x += 2;
            pairs += 2;
        }
        if (band > 0) {
            const int32_t logarithm = ending == 0 ? -1073741824 : ew_logarithm(ending, logarithms) + unit;
            *y++ = (int16_t)ew_clip(ew_rshift_round(logarithm, 6), lowest, highest);
        }
        ending = beginning;
        beginning = 0;
    }
}
