/* squared_distance on cores with Thumb-1 instructions only: x is brought to the scale of the differences once. */
#include "kernel.h"

/* The sum of (x - factor w)^2. */
static inline int32_t ew_squares(const int32_t *x, const int8_t *w, uint16_t columns, int32_t factor) {
    int32_t sum = 0;
    const int8_t *const end = w + columns;
#if defined(__ARM_ARCH_6M__) && defined(__OPTIMIZE__)
    if (columns >= 4) {
        register const int32_t *x_at __asm__("r0") = x;
        register const int8_t *w_at __asm__("r1") = w;
        register int32_t total __asm__("r2") = 0, times __asm__("r3") = factor;
        register const int8_t *fours __asm__("r8") = w + (columns & ~3u);
#define EW_SQUARE(place, entry)              \
    "ldrb r6, [r1, #" place "]\n\t"          \
    "sxtb r6, r6\n\t"                        \
    "muls r6, r3, r6\n\t"                    \
    "subs " entry ", " entry ", r6\n\t"      \
    "muls " entry ", " entry ", " entry "\n\t" \
    "adds r2, r2, " entry "\n\t"
        __asm__ volatile(
            ".syntax unified\n"
            "1:\n\t"
            "ldmia r0!, {r4, r5}\n\t"
            EW_SQUARE("0", "r4")
            EW_SQUARE("1", "r5")
            "ldmia r0!, {r4, r5}\n\t"
            EW_SQUARE("2", "r4")
            EW_SQUARE("3", "r5")
            "adds r1, #4\n\t"
            "cmp r1, r8\n\t"
            "bne 1b"
            : [x] "+&r"(x_at), [w] "+&r"(w_at), [sum] "+&r"(total)
            : [factor] "r"(times), [fours] "r"(fours)
            : "r4", "r5", "r6", "cc", "memory");
#undef EW_SQUARE
        x = x_at;
        w = w_at;
        sum = total;
    }
#endif
    for (; w != end; w++) {
        const int32_t difference = *x++ - EW_READ_I8(w) * factor;
        sum += difference * difference;
    }
    return sum;
}

EW_KERNEL void squared_distance_placed_X_Y_FORM(
    const X_T *x, Y_T *y, const int8_t *prototypes, int32_t *placed, uint16_t count, uint16_t columns, int16_t x_zero_point,
    uint8_t x_shift, int32_t prototype_factor, EW_FORM_PARAMETERS) {
    for (uint16_t c = 0; c < columns; c++) placed[c] = ew_rshift_round((int32_t)x[c] - x_zero_point, x_shift);
    for (uint16_t p = 0; p < count; p++) {
        const int32_t sum = ew_squares(placed, prototypes, columns, prototype_factor);
        prototypes += columns;
        y[p] = (Y_T)EW_REQUANTISE(sum, p);
    }
}
