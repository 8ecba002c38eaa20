/* Rows of weights times a vector, four rows at a time: each entry of the vector is read once for them. _rows.py puts the weights of
   four rows side by side; rows that are left over follow one by one. */
#ifndef EDGEWRIGHT_ROWS_H
#define EDGEWRIGHT_ROWS_H

#include "kernel.h"

/* w x. Products of bytes fit 16 bits, which is what small cores multiply fastest. */
static inline int32_t ew_product_X(int8_t w, X_T x) {
    return sizeof(X_T) == 1 ? (int32_t)((int16_t)w * (int16_t)x) : (int32_t)w * x;
}

/* Adds four rows times x to the sums. */
static inline void ew_add_4_rows_X(const int8_t *w, const X_T *x, uint16_t columns, int32_t *sums) {
    int32_t sum0 = sums[0], sum1 = sums[1], sum2 = sums[2], sum3 = sums[3];
    const X_T *const end = x + columns;
#if defined(__ARM_ARCH_6M__) && defined(__OPTIMIZE__) && !defined(__OPTIMIZE_SIZE__)
    /* Four columns a turn. Sums can be added in registers that this core does not multiply with; compilers keep them in memory. */
    if (columns >= 4) {
        const X_T *fours = x + (columns & ~3u);
        int32_t entry, weight;
#define EW_PRODUCT(place, sum)                     \
    "ldrb %[weight], [%[w], #" place "]\n\t"       \
    "sxtb %[weight], %[weight]\n\t"               \
    "muls %[weight], %[entry], %[weight]\n\t"     \
    "add %[" sum "], %[weight]\n\t"
#define EW_COLUMN(load, extend, place, first, second, third, fourth) \
    load " %[entry], [%[x], #" place "]\n\t"                       \
    extend " %[entry], %[entry]\n\t"                              \
    EW_PRODUCT(first, "s0") EW_PRODUCT(second, "s1") EW_PRODUCT(third, "s2") EW_PRODUCT(fourth, "s3")
        __asm__ volatile("" : "+l"(fours), "+l"(sum2), "+l"(sum3)); /* made here: clang 22 crashes where it keeps what "h" reads on the stack over a loop */
#define EW_END                       \
    "adds %[w], #16\n\t"             \
    "cmp %[x], %[fours]\n\t"         \
    "bne 1b"                         \
    : [x] "+&l"(x), [w] "+&l"(w), [s0] "+&l"(sum0), [s1] "+&l"(sum1), [s2] "+&h"(sum2), [s3] "+&h"(sum3), \
      [entry] "=&l"(entry), [weight] "=&l"(weight)                                                        \
    : [fours] "h"(fours)             \
    : "cc", "memory")
        if (sizeof(X_T) == 1) {
            __asm__ volatile(
                ".syntax unified\n"
                "1:\n\t"
                EW_COLUMN("ldrb", "sxtb", "0", "0", "1", "2", "3")
                EW_COLUMN("ldrb", "sxtb", "1", "4", "5", "6", "7")
                EW_COLUMN("ldrb", "sxtb", "2", "8", "9", "10", "11")
                EW_COLUMN("ldrb", "sxtb", "3", "12", "13", "14", "15")
                "adds %[x], #4\n\t"
                EW_END;
        } else {
            __asm__ volatile(
                ".syntax unified\n"
                "1:\n\t"
                EW_COLUMN("ldrh", "sxth", "0", "0", "1", "2", "3")
                EW_COLUMN("ldrh", "sxth", "2", "4", "5", "6", "7")
                EW_COLUMN("ldrh", "sxth", "4", "8", "9", "10", "11")
                EW_COLUMN("ldrh", "sxth", "6", "12", "13", "14", "15")
                "adds %[x], #8\n\t"
                EW_END;
        }
#undef EW_END
#undef EW_COLUMN
#undef EW_PRODUCT
    }
#endif
#if (defined(__riscv) || defined(__thumb2__)) && defined(__OPTIMIZE__) && !defined(__OPTIMIZE_SIZE__)
    /* Four columns a turn, which gcc leaves to us. */
#define EW_COLUMN(c)                                         \
    entry = x[c];                                            \
    sum0 += ew_product_X(EW_READ_I8(&w[4 * (c)]), entry);     \
    sum1 += ew_product_X(EW_READ_I8(&w[4 * (c) + 1]), entry); \
    sum2 += ew_product_X(EW_READ_I8(&w[4 * (c) + 2]), entry); \
    sum3 += ew_product_X(EW_READ_I8(&w[4 * (c) + 3]), entry);
    for (; end - x >= 4; x += 4) {
        X_T entry;
        EW_COLUMN(0) EW_COLUMN(1) EW_COLUMN(2) EW_COLUMN(3)
        w += 16;
    }
#undef EW_COLUMN
#endif
    for (; x != end; x++) {
        const X_T entry = *x;
        sum0 += ew_product_X(EW_READ_I8(&w[0]), entry);
        sum1 += ew_product_X(EW_READ_I8(&w[1]), entry);
        sum2 += ew_product_X(EW_READ_I8(&w[2]), entry);
        sum3 += ew_product_X(EW_READ_I8(&w[3]), entry);
        w += 4;
    }
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
}

/* y = rows of w times x, plus bias, requantised. */
static inline void ew_rows_X_BIAS_Y_FORM(
    const X_T *x, Y_T *y, const int8_t *w, const BIAS_T *bias, uint16_t rows, uint16_t columns, EW_FORM_PARAMETERS) {
    uint16_t r = 0;
    while (rows - r >= 4) {
        int32_t sums[4];
        for (uint8_t i = 0; i < 4; i++) sums[i] = EW_READ_BIAS(&bias[r + i]);
        ew_add_4_rows_X(w, x, columns, sums);
        w += 4 * (uint32_t)columns;
        for (uint8_t i = 0; i < 4; i++) {
            y[r] = (Y_T)EW_REQUANTISE(sums[i], r);
            r++;
        }
    }
    for (; r < rows; r++) {
        int32_t sum = EW_READ_BIAS(&bias[r]);
        for (uint16_t c = 0; c < columns; c++) sum += ew_product_X(EW_READ_I8(w++), x[c]);
        y[r] = (Y_T)EW_REQUANTISE(sum, r);
    }
}

#endif
