/* sparse_dense on cores with Thumb-1 instructions only: two values that are not zero in a word, or a bit for each column. */
#include "kernel.h"

/* The sum of the words up to `end`. Each holds, from its lowest byte on, how many bytes of x the first value lies behind the one before
   it, how many the second, and both values. */
static inline int32_t ew_sparse_pairs_X(const X_T *x, const int32_t *w, const int32_t *end, int32_t sum) {
#if defined(__ARM_ARCH_6M__) && defined(__OPTIMIZE__)
    int32_t pair, entry, value;
    const int32_t zero = 0;
#define EW_PAIR(load)                        \
    "1:\n\t"                                 \
    "ldmia %[w]!, {%[pair]}\n\t"             \
    "uxtb %[entry], %[pair]\n\t"             \
    "adds %[x], %[x], %[entry]\n\t"          \
    load " %[entry], [%[x], %[zero]]\n\t"    \
    "lsls %[value], %[pair], #8\n\t"         \
    "asrs %[value], %[value], #24\n\t"       \
    "muls %[value], %[entry], %[value]\n\t"  \
    "adds %[sum], %[sum], %[value]\n\t"      \
    "lsls %[entry], %[pair], #16\n\t"        \
    "lsrs %[entry], %[entry], #24\n\t"       \
    "adds %[x], %[x], %[entry]\n\t"          \
    load " %[entry], [%[x], %[zero]]\n\t"    \
    "asrs %[pair], %[pair], #24\n\t"         \
    "muls %[pair], %[entry], %[pair]\n\t"    \
    "adds %[sum], %[sum], %[pair]\n\t"       \
    "cmp %[w], %[end]\n\t"                   \
    "bne 1b"                                 \
    : [x] "+&l"(x), [w] "+&l"(w), [sum] "+&l"(sum), [pair] "=&l"(pair), [entry] "=&l"(entry), [value] "=&l"(value) \
    : [zero] "l"(zero), [end] "h"(end)       \
    : "cc", "memory"
    if (w == end) return sum;
    if (sizeof(X_T) == 1) {
        __asm__ volatile(".syntax unified\n" EW_PAIR("ldrsb"));
    } else {
        __asm__ volatile(".syntax unified\n" EW_PAIR("ldrsh"));
    }
#undef EW_PAIR
    return sum;
#else
    for (; w != end; w++) {
        const uint32_t pair = (uint32_t)EW_READ_I32(w);
        x += (pair & 0xFFu) / sizeof(X_T);
        sum += (int32_t)(int8_t)((pair >> 16) & 0xFFu) * *x;
        x += ((pair >> 8) & 0xFFu) / sizeof(X_T);
        sum += (int32_t)(int8_t)(pair >> 24) * *x;
    }
    return sum;
#endif
}

EW_KERNEL void sparse_dense_pairs_X_COUNTS_BIAS_Y_FORM(
    const X_T *x, Y_T *y, const int32_t *words, const COUNTS_T *words_of_row, const BIAS_T *bias, uint16_t rows,
    EW_FORM_PARAMETERS) {
    for (uint16_t r = 0; r < rows; r++) {
        const int32_t *const end = words + EW_READ_COUNTS(&words_of_row[r]);
        const int32_t sum = ew_sparse_pairs_X(x, words, end, EW_READ_BIAS(&bias[r]));
        words = end;
        y[r] = (Y_T)EW_REQUANTISE(sum, r);
    }
}

/* Adds the products of one row and returns its end. For each eight columns a byte, the first one's bit highest, and the values whose
   bit is 1. */
static inline const uint8_t *ew_sum_cells_thumb1_X(const X_T *x, const uint8_t *cells, uint16_t turns, int32_t *sum) {
#if defined(__ARM_ARCH_6M__) && defined(__OPTIMIZE__)
    int32_t total = *sum, bits, entry, value;
    const int32_t zero = 0;
    const uintptr_t end = (uintptr_t)x + turns * 8u * sizeof(X_T);
#define EW_COLUMN(load, place)               \
    "lsls %[bits], %[bits], #1\n\t"          \
    "bcc 2f\n\t"                             \
    "movs %[entry], #" place "\n\t"          \
    load " %[entry], [%[x], %[entry]]\n\t"   \
    "ldrsb %[value], [%[cells], %[zero]]\n\t" \
    "adds %[cells], #1\n\t"                  \
    "muls %[value], %[entry], %[value]\n\t"  \
    "adds %[sum], %[sum], %[value]\n"        \
    "2:\n\t"
#define EW_COLUMNS(load, p1, p2, p3, p4, p5, p6, p7, after) \
    "1:\n\t"                                 \
    "ldrb %[bits], [%[cells]]\n\t"           \
    "adds %[cells], #1\n\t"                  \
    "lsls %[bits], %[bits], #24\n\t"         \
    "beq 3f\n\t"                             \
    EW_COLUMN(load, "0") EW_COLUMN(load, p1) EW_COLUMN(load, p2) EW_COLUMN(load, p3) \
    EW_COLUMN(load, p4) EW_COLUMN(load, p5) EW_COLUMN(load, p6) EW_COLUMN(load, p7) \
    "3:\n\t"                                 \
    "adds %[x], #" after "\n\t"              \
    "cmp %[x], %[end]\n\t"                   \
    "bne 1b"                                 \
    : [x] "+&l"(x), [cells] "+&l"(cells), [sum] "+&l"(total), [bits] "=&l"(bits), [entry] "=&l"(entry), [value] "=&l"(value) \
    : [zero] "l"(zero), [end] "h"(end)       \
    : "cc", "memory"
    if (sizeof(X_T) == 1) {
        __asm__ volatile(".syntax unified\n" EW_COLUMNS("ldrsb", "1", "2", "3", "4", "5", "6", "7", "8"));
    } else {
        __asm__ volatile(".syntax unified\n" EW_COLUMNS("ldrsh", "2", "4", "6", "8", "10", "12", "14", "16"));
    }
#undef EW_COLUMNS
#undef EW_COLUMN
    *sum = total;
    return cells;
#else
    for (;;) {
        uint8_t bits = EW_READ_U8(cells++);
        for (const X_T *entry = x; bits != 0; entry++) {
            if (bits & 0x80u) *sum += (int32_t)(int8_t)EW_READ_U8(cells++) * *entry;
            bits = (uint8_t)(bits << 1);
        }
        if (--turns == 0) return cells;
        x += 8;
    }
#endif
}

EW_KERNEL void sparse_dense_bitmap_thumb1_X_BIAS_Y_FORM(
    const X_T *x, Y_T *y, const uint8_t *cells, uint16_t turns, const BIAS_T *bias, uint16_t rows, EW_FORM_PARAMETERS) {
    for (uint16_t r = 0; r < rows; r++) {
        int32_t sum = EW_READ_BIAS(&bias[r]);
        cells = ew_sum_cells_thumb1_X(x, cells, turns, &sum);
        y[r] = (Y_T)EW_REQUANTISE(sum, r);
    }
}
