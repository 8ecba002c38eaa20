/* sparse_dense on AVR: y = w x + bias, requantised. Each step of a row is two bytes, how many bytes of x to go over and a value, and
   leaves x behind the entry that it read. Or there is a bit for each column. */
#include "kernel.h"

/* The sum of the steps of one row, and what it begins with. */
static inline int32_t ew_sum_steps_X(const X_T *x, const uint8_t *steps, const uint8_t *end, int32_t sum) {
#if defined(__AVR_HAVE_MUL__) && defined(__OPTIMIZE__)
    /* Two steps a turn; an odd one begins in the middle. r0 and r1 hold what is multiplied; compilers expect 0 in r1. */
    int8_t weight = (int8_t)((uint8_t)(end - steps) & 2u), low, high, sign;
    uint8_t zero = 0;
#define EW_TWO_STEPS(step)      \
    "sbrc %[weight], 1\n\t"     \
    "rjmp 2f\n"                 \
    "1:\n\t" step "2:\n\t" step \
    "cp r30, %A[end]\n\t"       \
    "cpc r31, %B[end]\n\t"      \
    "brne 1b\n\t"               \
    "clr r1"
    if (sizeof(X_T) == 1) {
        __asm__ volatile(
            EW_TWO_STEPS(
                "lpm %[weight], Z+\n\t"
                "add r26, %[weight]\n\t"
                "adc r27, %[zero]\n\t"
                "ld %[low], X+\n\t"
                "lpm %[weight], Z+\n\t"
                "muls %[weight], %[low]\n\t"
                "sbc %[sign], %[sign]\n\t"
                "add %A[sum], r0\n\t"
                "adc %B[sum], r1\n\t"
                "adc %C[sum], %[sign]\n\t"
                "adc %D[sum], %[sign]\n\t")
            : [steps] "+&z"(steps), [x] "+&x"(x), [sum] "+&r"(sum), [weight] "+&d"(weight), [low] "=&d"(low), [sign] "=&r"(sign)
            : [end] "r"(end), [zero] "r"(zero)
            : "cc", "memory");
    } else {
        __asm__ volatile(
            EW_TWO_STEPS(
                "lpm %[weight], Z+\n\t"
                "add r26, %[weight]\n\t"
                "adc r27, %[zero]\n\t"
                "ld %[low], X+\n\t"
                "ld %[high], X+\n\t"
                "lpm %[weight], Z+\n\t"
                "mulsu %[weight], %[low]\n\t"
                "sbc %[sign], %[sign]\n\t"
                "add %A[sum], r0\n\t"
                "adc %B[sum], r1\n\t"
                "adc %C[sum], %[sign]\n\t"
                "adc %D[sum], %[sign]\n\t"
                "muls %[weight], %[high]\n\t"
                "sbc %[sign], %[sign]\n\t"
                "add %B[sum], r0\n\t"
                "adc %C[sum], r1\n\t"
                "adc %D[sum], %[sign]\n\t")
            : [steps] "+&z"(steps), [x] "+&x"(x), [sum] "+&r"(sum), [weight] "+&a"(weight), [low] "=&a"(low), [high] "=&d"(high),
              [sign] "=&r"(sign)
            : [end] "r"(end), [zero] "r"(zero)
            : "cc", "memory");
    }
#undef EW_TWO_STEPS
#else
    for (; steps != end; steps += 2) {
        x += EW_READ_U8(&steps[0]) / sizeof(X_T);
        sum += (int32_t)(int8_t)EW_READ_U8(&steps[1]) * *x++;
    }
#endif
    return sum;
}

EW_KERNEL void sparse_dense_steps_X_BIAS_Y_FORM(
    const X_T *x, Y_T *y, const uint8_t *steps, const uint16_t *steps_of_row, const BIAS_T *bias, uint16_t rows,
    EW_FORM_PARAMETERS) {
    for (uint16_t r = 0; r < rows; r++) {
        int32_t sum = EW_READ_BIAS(&bias[r]);
        const uint8_t *end = steps + 2 * EW_READ_U16(&steps_of_row[r]);
        if (steps != end) sum = ew_sum_steps_X(x, steps, end, sum);
        steps = end;
        y[r] = (Y_T)EW_REQUANTISE(sum, r);
    }
}

/* Adds the products of one row and returns its end. For each eight columns a byte, the first one's bit highest, and the values whose
   bit is 1. */
static inline const uint8_t *ew_sum_cells_avr_X(const X_T *x, const uint8_t *cells, uint16_t turns, int32_t *sum) {
#if defined(__AVR_HAVE_MUL__) && defined(__OPTIMIZE__)
    /* Where all lies is written down, as only Y reads x at a distance. r0 and r1 hold what is multiplied; compilers expect 0 in r1. */
    register const uint8_t *cells_at __asm__("r30") = cells;
    register const X_T *x_at __asm__("r26") = x;
    register int32_t total __asm__("r18") = *sum;
    register uint16_t left __asm__("r24") = turns;
#define EW_VALUE8(place)           \
    "lsl r23\n\t"                  \
    "brcc 2f\n\t"                  \
    "ldd r22, Y+" place "\n\t"     \
    "lpm r17, Z+\n\t"              \
    "muls r17, r22\n\t"            \
    "sbc r16, r16\n\t"             \
    "add r18, r0\n\t"              \
    "adc r19, r1\n\t"              \
    "adc r20, r16\n\t"             \
    "adc r21, r16\n"              \
    "2:\n\t"
#define EW_VALUE16(low, high)      \
    "lsl r23\n\t"                  \
    "brcc 2f\n\t"                  \
    "ldd r22, Y+" low "\n\t"       \
    "lpm r17, Z+\n\t"              \
    "mulsu r17, r22\n\t"           \
    "sbc r16, r16\n\t"             \
    "add r18, r0\n\t"              \
    "adc r19, r1\n\t"              \
    "adc r20, r16\n\t"             \
    "adc r21, r16\n\t"             \
    "ldd r22, Y+" high "\n\t"      \
    "muls r17, r22\n\t"            \
    "sbc r16, r16\n\t"             \
    "add r19, r0\n\t"              \
    "adc r20, r1\n\t"              \
    "adc r21, r16\n"              \
    "2:\n\t"
#define EW_TURNS(columns, after)   \
    "push r28\n\t"                 \
    "push r29\n\t"                 \
    "movw r28, r26\n"             \
    "1:\n\t"                       \
    "lpm r23, Z+\n\t"              \
    "tst r23\n\t"                  \
    "brne 4f\n\t"                  \
    "rjmp 3f\n"                   \
    "4:\n\t" columns               \
    "3:\n\t"                       \
    "adiw r28, " after "\n\t"      \
    "sbiw r24, 1\n\t"              \
    "breq 5f\n\t"                  \
    "rjmp 1b\n"                   \
    "5:\n\t"                       \
    "pop r29\n\t"                  \
    "pop r28\n\t"                  \
    "clr r1"                       \
    : [cells] "+&r"(cells_at), [sum] "+&r"(total), [left] "+&r"(left) \
    : [x] "r"(x_at)                \
    : "r16", "r17", "r22", "r23", "cc", "memory"
    if (sizeof(X_T) == 1) {
        __asm__ volatile(EW_TURNS(
            EW_VALUE8("0") EW_VALUE8("1") EW_VALUE8("2") EW_VALUE8("3") EW_VALUE8("4") EW_VALUE8("5") EW_VALUE8("6") EW_VALUE8("7"),
            "8"));
    } else {
        __asm__ volatile(EW_TURNS(
            EW_VALUE16("0", "1") EW_VALUE16("2", "3") EW_VALUE16("4", "5") EW_VALUE16("6", "7")
            EW_VALUE16("8", "9") EW_VALUE16("10", "11") EW_VALUE16("12", "13") EW_VALUE16("14", "15"),
            "16"));
    }
#undef EW_TURNS
#undef EW_VALUE16
#undef EW_VALUE8
    *sum = total;
    return cells_at;
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

EW_KERNEL void sparse_dense_bitmap_avr_X_BIAS_Y_FORM(
    const X_T *x, Y_T *y, const uint8_t *cells, uint16_t turns, const BIAS_T *bias, uint16_t rows, EW_FORM_PARAMETERS) {
    for (uint16_t r = 0; r < rows; r++) {
        int32_t sum = EW_READ_BIAS(&bias[r]);
        cells = ew_sum_cells_avr_X(x, cells, turns, &sum);
        y[r] = (Y_T)EW_REQUANTISE(sum, r);
    }
}
