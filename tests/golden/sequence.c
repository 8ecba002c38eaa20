/* sequence.c: made by Edgewright 0.1.0. This generated code belongs to you: use it under any terms you like.
   C99: no heap, no float, no library.
   sequence: graph 27f77d4a6300dd21, 324 bytes of constants, 12 bytes of working memory.
   */
#include "sequence.h"

/* Constants live in flash; AVR needs its own instruction to read them there. */
#if defined(__AVR__)
#include <avr/pgmspace.h>
#define EW_FLASH PROGMEM
#define EW_READ_I8(p) ((int8_t)pgm_read_byte(p))
#define EW_READ_U8(p) ((uint8_t)pgm_read_byte(p))
#define EW_READ_I16(p) ((int16_t)pgm_read_word(p))
#define EW_READ_U16(p) ((uint16_t)pgm_read_word(p))
#define EW_READ_I32(p) ((int32_t)pgm_read_dword(p))
#else
#define EW_FLASH
#define EW_READ_I8(p) (*(p))
#define EW_READ_U8(p) (*(p))
#define EW_READ_I16(p) (*(p))
#define EW_READ_U16(p) (*(p))
#define EW_READ_I32(p) (*(p))
#endif
#define EW_READ_NONE(p) ((int32_t)(0 * sizeof(*(p)))) /* what is 0 everywhere is not stored */

/* A kernel stays one function: smaller where it is called twice, and its instructions can be told apart. */
#if defined(__GNUC__)
#define EW_KERNEL static __attribute__((noinline))
#else
#define EW_KERNEL static
#endif

static inline void ew_fill_i16(int16_t value, int16_t *to, uint16_t count) {
    for (uint16_t i = 0; i < count; i++) to[i] = value;
}

/* w x. Products of bytes fit 16 bits, which is what small cores multiply fastest. */
static inline int32_t ew_product_i16(int8_t w, int16_t x) {
    return sizeof(int16_t) == 1 ? (int32_t)((int16_t)w * (int16_t)x) : (int32_t)w * x;
}

/* Adds four rows times x to the sums. */
static inline void ew_add_4_rows_i16(const int8_t *w, const int16_t *x, uint16_t columns, int32_t *sums) {
    int32_t sum0 = sums[0], sum1 = sums[1], sum2 = sums[2], sum3 = sums[3];
    const int16_t *const end = x + columns;
#if defined(__ARM_ARCH_6M__) && defined(__OPTIMIZE__) && !defined(__OPTIMIZE_SIZE__)
    /* Four columns a turn. Sums can be added in registers that this core does not multiply with; compilers keep them in memory. */
    if (columns >= 4) {
        const int16_t *fours = x + (columns & ~3u);
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
        if (sizeof(int16_t) == 1) {
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
    sum0 += ew_product_i16(EW_READ_I8(&w[4 * (c)]), entry);     \
    sum1 += ew_product_i16(EW_READ_I8(&w[4 * (c) + 1]), entry); \
    sum2 += ew_product_i16(EW_READ_I8(&w[4 * (c) + 2]), entry); \
    sum3 += ew_product_i16(EW_READ_I8(&w[4 * (c) + 3]), entry);
    for (; end - x >= 4; x += 4) {
        int16_t entry;
        EW_COLUMN(0) EW_COLUMN(1) EW_COLUMN(2) EW_COLUMN(3)
        w += 16;
    }
#undef EW_COLUMN
#endif
    for (; x != end; x++) {
        const int16_t entry = *x;
        sum0 += ew_product_i16(EW_READ_I8(&w[0]), entry);
        sum1 += ew_product_i16(EW_READ_I8(&w[1]), entry);
        sum2 += ew_product_i16(EW_READ_I8(&w[2]), entry);
        sum3 += ew_product_i16(EW_READ_I8(&w[3]), entry);
        w += 4;
    }
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
}

static inline int32_t ew_clip(int32_t x, int32_t lowest, int32_t highest) {
#if defined(__ARM_FEATURE_SAT) && defined(__GNUC__)
    if (__builtin_constant_p(lowest == -128 && highest == 127) && lowest == -128 && highest == 127) {
        __asm__("ssat %0, #8, %1" : "=r"(x) : "r"(x));
        return x;
    }
    if (__builtin_constant_p(lowest == -32768 && highest == 32767) && lowest == -32768 && highest == 32767) {
        __asm__("ssat %0, #16, %1" : "=r"(x) : "r"(x));
        return x;
    }
#endif
    x = x < lowest ? lowest : x;
    return x > highest ? highest : x;
}

/* x >> shift, rounded likewise, for a shift of 1 or more. `shift` counts from 1. */
static inline int32_t ew_right(int32_t x, uint8_t shift) {
#if defined(__AVR__)
    if (__builtin_constant_p(shift) && (shift == 7 || shift == 15 || shift == 23)) {
        return (x + ((int32_t)1 << shift)) >> (shift + 1);
    }
    if (shift >= 16) {
        x >>= 16;
        shift = (uint8_t)(shift - 16);
    }
    if (shift >= 8) {
        x >>= 8;
        shift = (uint8_t)(shift - 8);
    }
    if (shift == 7) return (x + 128) >> 8;
#endif
    return ((x >> shift) + 1) >> 1;
}

/* y = rows of w times x, plus bias, requantised. */
static inline void ew_rows_i16_none_i16_right(
    const int16_t *x, int16_t *y, const int8_t *w, const uint8_t *bias, uint16_t rows, uint16_t columns, uint8_t shift, int32_t zero_point, int32_t lowest, int32_t highest) {
    uint16_t r = 0;
    while (rows - r >= 4) {
        int32_t sums[4];
        for (uint8_t i = 0; i < 4; i++) sums[i] = EW_READ_NONE(&bias[r + i]);
        ew_add_4_rows_i16(w, x, columns, sums);
        w += 4 * (uint32_t)columns;
        for (uint8_t i = 0; i < 4; i++) {
            y[r] = (int16_t)ew_clip(ew_right(sums[i], shift) + zero_point, lowest, highest);
            r++;
        }
    }
    for (; r < rows; r++) {
        int32_t sum = EW_READ_NONE(&bias[r]);
        for (uint16_t c = 0; c < columns; c++) sum += ew_product_i16(EW_READ_I8(w++), x[c]);
        y[r] = (int16_t)ew_clip(ew_right(sum, shift) + zero_point, lowest, highest);
    }
}

EW_KERNEL void dense_i16_none_i16_right(
    const int16_t *x, int16_t *y, const int8_t *rows_of_w, const uint8_t *bias, uint16_t rows, uint16_t columns,
    uint8_t shift, int32_t zero_point, int32_t lowest, int32_t highest) {
    ew_rows_i16_none_i16_right(x, y, rows_of_w, bias, rows, columns, shift, zero_point, lowest, highest);
}

/* x >> shift, rounded to nearest, ties towards +infinity. Right shifts of negative numbers are arithmetic on every
   compiler that we support; a test asserts it. */
static inline int32_t ew_rshift_round(int32_t x, uint8_t shift) {
#if defined(__AVR__)
    /* By whole bytes first: this core shifts by one bit at a time, and compilers move bytes only for 8, 16 and 24. */
    if (!__builtin_constant_p(shift) || shift % 8 != 0) {
        if (shift > 16) {
            x >>= 16;
            shift = (uint8_t)(shift - 16);
        }
        if (shift > 8) {
            x >>= 8;
            shift = (uint8_t)(shift - 8);
        }
        if (shift == 8) return (x + 128) >> 8;
        return shift == 0 ? x : ((x >> (shift - 1)) + 1) >> 1;
    }
#endif
    return shift == 0 ? x : (x + ((int32_t)1 << (shift - 1))) >> shift;
}

EW_KERNEL void add_i16_i16_i16(
    const int16_t *a, const int16_t *b, int16_t *y, uint16_t count, uint8_t a_step, uint8_t b_step,
    int16_t a_zero_point, int16_t b_zero_point, int16_t a_factor, int16_t b_factor,
    uint8_t shift, int32_t zero_point, int32_t lowest, int32_t highest) {
    for (uint16_t i = 0; i < count; i++) {
        const int32_t first = (int32_t)(int16_t)(*a - a_zero_point) * a_factor;
        const int32_t second = (int32_t)(int16_t)(*b - b_zero_point) * b_factor;
        y[i] = (int16_t)ew_clip(ew_rshift_round(first + second, shift) + zero_point, lowest, highest);
        a += a_step;
        b += b_step;
    }
}

EW_KERNEL void lookup_i16_i16(
    const int16_t *x, int16_t *y, const int16_t *table, uint16_t count, int16_t lowest, uint16_t last, uint8_t shift) {
    const uint16_t mask = (uint16_t)((1u << shift) - 1u);
    for (uint16_t i = 0; i < count; i++) {
        const uint16_t distance = (uint16_t)ew_clip((int32_t)x[i] - lowest, 0, (int32_t)last);
        const int16_t *entry = &table[distance >> shift];
        const int32_t first = EW_READ_I16(&entry[0]);
        const int32_t slope = EW_READ_I16(&entry[1]) - first;
        y[i] = (int16_t)(first + ew_rshift_round(slope * (int32_t)(distance & mask), shift));
    }
}

static inline void ew_copy_i16(const int16_t *from, int16_t *to, uint16_t count) {
    for (uint16_t i = 0; i < count; i++) to[i] = from[i];
}

static const int8_t sequence_loop_from_x_rows_of_w[6] EW_FLASH = {
    17, -17, 82, 13, -69, 46,
};

static const int8_t sequence_loop_from_h_rows_of_w[4] EW_FLASH = {
    83, 61, -45, -81,
};

static const int16_t sequence_loop_following_table[157] EW_FLASH = {
    -16382, -16382, -16381, -16381, -16381, -16380, -16380, -16379, -16379, -16378, -16377, -16376, -16375, -16374, -16372, -16371,
    -16369, -16367, -16365, -16362, -16360, -16356, -16353, -16349, -16344, -16338, -16332, -16326, -16318, -16309, -16299, -16288,
    -16275, -16261, -16244, -16226, -16205, -16181, -16154, -16124, -16089, -16051, -16007, -15957, -15901, -15838, -15767, -15686,
    -15595, -15493, -15378, -15249, -15104, -14941, -14758, -14554, -14326, -14071, -13787, -13472, -13123, -12737, -12312, -11845,
    -11334, -10776, -10171, -9517, -8814, -8062, -7263, -6418, -5530, -4605, -3646, -2660, -1654, -636, 388, 1409,
    2418, 3409, 4375, 5309, 6207, 7062, 7873, 8637, 9352, 10017, 10634, 11203, 11725, 12203, 12638, 13033,
    13391, 13714, 14005, 14266, 14501, 14711, 14899, 15066, 15215, 15348, 15467, 15572, 15665, 15748, 15821, 15887,
    15944, 15995, 16040, 16080, 16116, 16147, 16175, 16199, 16221, 16240, 16257, 16272, 16285, 16296, 16307, 16316,
    16324, 16331, 16337, 16343, 16347, 16352, 16356, 16359, 16362, 16364, 16367, 16369, 16371, 16372, 16374, 16375,
    16376, 16377, 16378, 16378, 16379, 16380, 16380, 16381, 16381, 16381, 16382, 16382, 16382,
};

static int16_t sequence_arena_i16[6];

void sequence_run(const int16_t *input, int16_t *output) {
    ew_fill_i16(0, sequence_arena_i16, 2);
    for (uint16_t step1 = 0; step1 < 4; step1++) {
        dense_i16_none_i16_right(input + step1 * 3, sequence_arena_i16 + 2, sequence_loop_from_x_rows_of_w, 0, 2, 3, 6, 0, INT32_C(-32768), 32767);
        dense_i16_none_i16_right(sequence_arena_i16, sequence_arena_i16 + 4, sequence_loop_from_h_rows_of_w, 0, 2, 2, 6, 0, INT32_C(-32768), 32767);
        add_i16_i16_i16(sequence_arena_i16 + 2, sequence_arena_i16 + 4, sequence_arena_i16 + 2, 2, 1, 1, 0, 0, 2, 1, 1, 0, INT32_C(-32768), 32767);
        lookup_i16_i16(sequence_arena_i16 + 2, sequence_arena_i16 + 2, sequence_loop_following_table, 2, -19871, INT32_C(39935), 8);
        ew_copy_i16(sequence_arena_i16 + 2, sequence_arena_i16, 2);
    }
    ew_copy_i16(sequence_arena_i16 + 2, output, 2);
}

