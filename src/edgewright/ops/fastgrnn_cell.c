/* The units of a FastGRNN; fastgrnn_cell.py defines them. y may be a, b or h itself.
   table: tanh. biases: of each unit that of the gate, at the scale of a and b, and that of the candidate, less that of the gate.
   doublings: of their sum. zeta, rate: zeta and zeta + nu. halvings: of the new part, after its product lost 16 bits. */
#include "kernel.h"

/* A sum of 16 bits, saturated. */
static inline int16_t ew_saturate_16(int32_t sum) {
#if defined(__ARM_FEATURE_SAT) && defined(__GNUC__)
    __asm__("ssat %0, #16, %1" : "=r"(sum) : "r"(sum));
    return (int16_t)sum;
#else
    return (int16_t)(sum > 32767 ? 32767 : sum < -32768 ? -32768 : sum);
#endif
}

/* a + b, saturated. */
static inline int16_t ew_add_16(int16_t a, int16_t b) {
#if defined(__AVR__)
    /* Where 16 bits overflow, the sign of what they hold is the wrong one. */
    __asm__(
        "add %A[a], %A[b]\n\t"
        "adc %B[a], %B[b]\n\t"
        "brvc 1f\n\t"
        "ldi %A[a], 0xFF\n\t"
        "ldi %B[a], 0x7F\n\t"
        "brmi 1f\n\t"
        "ldi %A[a], 0x00\n\t"
        "ldi %B[a], 0x80\n"
        "1:"
        : [a] "+&d"(a)
        : [b] "r"(b)
        : "cc");
    return a;
#else
    return ew_saturate_16((int32_t)a + b);
#endif
}

/* (a + b + gate_bias) << doublings, saturated. */
static inline int16_t ew_total(int16_t a, int16_t b, int16_t gate_bias, uint8_t doublings) {
#if defined(__AVR__)
    /* After a first overflow (3) a second one takes it back; without it, the sign after the first says which end was passed. */
    __asm__(
        "add %A[a], %A[b]\n\t"
        "adc %B[a], %B[b]\n\t"
        "brvs 3f\n\t"
        "add %A[a], %A[c]\n\t"
        "adc %B[a], %B[c]\n\t"
        "brvc 1f\n"
        "2:\n\t"
        "ldi %A[a], 0xFF\n\t"
        "ldi %B[a], 0x7F\n\t"
        "brmi 1f\n\t"
        "ldi %A[a], 0x00\n\t"
        "ldi %B[a], 0x80\n\t"
        "rjmp 1f\n"
        "3:\n\t"
        "mov __tmp_reg__, %B[a]\n\t"
        "add %A[a], %A[c]\n\t"
        "adc %B[a], %B[c]\n\t"
        "brvs 1f\n\t"
        "tst __tmp_reg__\n\t"
        "rjmp 2b\n"
        "1:"
        : [a] "+&d"(a)
        : [b] "r"(b), [c] "r"(gate_bias)
        : "r0", "cc");
    for (uint8_t i = 0; i < doublings; i++) a = ew_add_16(a, a);
    return a;
#else
    return ew_saturate_16((int32_t)((uint32_t)((int32_t)a + b + gate_bias) << doublings));
#endif
}

/* The upper half of a * b. */
static inline uint16_t ew_high_unsigned(uint16_t a, uint16_t b) {
#if defined(__AVR__)
    uint16_t high;
    uint8_t carry, zero;
    __asm__(
        "mul %A[a], %A[b]\n\t"
        "mov %[carry], r1\n\t"
        "clr %[zero]\n\t"
        "mul %B[a], %B[b]\n\t"
        "movw %A[high], r0\n\t"
        "mul %B[a], %A[b]\n\t"
        "add %[carry], r0\n\t"
        "adc %A[high], r1\n\t"
        "adc %B[high], %[zero]\n\t"
        "mul %A[a], %B[b]\n\t"
        "add %[carry], r0\n\t"
        "adc %A[high], r1\n\t"
        "adc %B[high], %[zero]\n\t"
        "clr __zero_reg__"
        : [high] "=&r"(high), [carry] "=&r"(carry), [zero] "=&r"(zero)
        : [a] "r"(a), [b] "r"(b)
        : "r0", "cc");
    return high;
#else
    return (uint16_t)(((uint32_t)a * b) >> 16);
#endif
}

/* The upper half of a * b, and what the lower half of the sum keeps for `ew_high`: rounded down. */
static inline int16_t ew_high(int16_t a, uint16_t b) {
#if defined(__AVR__)
    int16_t high;
    uint8_t carry, zero;
    __asm__(
        "mul %A[a], %A[b]\n\t"
        "mov %[carry], r1\n\t"
        "clr %[zero]\n\t"
        "mulsu %B[a], %B[b]\n\t"
        "movw %A[high], r0\n\t"
        "mulsu %B[a], %A[b]\n\t"
        "sbc %B[high], %[zero]\n\t" /* the carry is the sign of this product */
        "add %[carry], r0\n\t"
        "adc %A[high], r1\n\t"
        "adc %B[high], %[zero]\n\t"
        "mul %A[a], %B[b]\n\t"
        "add %[carry], r0\n\t"
        "adc %A[high], r1\n\t"
        "adc %B[high], %[zero]\n\t"
        "clr __zero_reg__"
        : [high] "=&r"(high), [carry] "=&r"(carry), [zero] "=&r"(zero)
        : [a] "a"(a), [b] "a"(b)
        : "r0", "cc");
    return high;
#else
    return (int16_t)(((int32_t)a * b) >> 16);
#endif
}

/* tanh of x at scale 2^-12. middle: the entry of the table for 0. */
static inline int16_t ew_tanh(int16_t x, const int16_t *middle) {
#if defined(__AVR__)
    int16_t first;
    uint16_t rise;
    __asm__(
        "mov %A[first], %B[x]\n\t"
        "lsl %A[first]\n\t"
        "sbc %B[first], %B[first]\n\t"
        "add r30, %A[first]\n\t"
        "adc r31, %B[first]\n\t"
        "lpm %A[first], Z+\n\t"
        "lpm %B[first], Z+\n\t"
        "lpm %A[rise], Z+\n\t"
        "lpm %B[rise], Z\n\t"
        "sub %A[rise], %A[first]\n\t"
        "sbc %B[rise], %B[first]\n\t"
        "mul %A[rise], %A[x]\n\t"
        "mov %A[rise], r1\n\t"
        "mul %B[rise], %A[x]\n\t"
        "clr %B[rise]\n\t"
        "add r0, %A[rise]\n\t"
        "adc r1, %B[rise]\n\t"
        "add %A[first], r0\n\t"
        "adc %B[first], r1\n\t"
        "clr __zero_reg__"
        : [first] "=&r"(first), [rise] "=&r"(rise), "+&z"(middle)
        : [x] "r"(x)
        : "r0", "cc");
    return first;
#else
    const int16_t *entry = &middle[x >> 8];
    const int32_t first = EW_READ_I16(&entry[0]);
    const int32_t rise = EW_READ_I16(&entry[1]) - first;
    return (int16_t)(first + ((rise * (x & 0xFF)) >> 8));
#endif
}

/* One unit. sums_fit, state_fits: whether nothing has to saturate there. */
static inline int16_t ew_unit(
    int16_t a, int16_t b, int16_t h, int32_t biases, const int16_t *middle, uint8_t doublings, uint16_t zeta, uint16_t rate,
    uint8_t halvings, uint8_t sums_fit, uint8_t state_fits) {
    const int16_t gate_bias = (int16_t)biases, bias = (int16_t)(biases >> 16);
    const uint16_t sum = (uint16_t)((uint16_t)((uint16_t)a + (uint16_t)b) + (uint16_t)gate_bias);
    const uint16_t doubled = (uint16_t)(sum << doublings);
    const int16_t total = sums_fit ? (int16_t)doubled : ew_total(a, b, gate_bias, doublings);
    const uint16_t gate = (uint16_t)((uint16_t)ew_tanh((int16_t)(total >> 1), middle) + 0x8000u);
    const int16_t candidate = ew_tanh(sums_fit ? (int16_t)(total + bias) : ew_add_16(total, bias), middle);
    const uint16_t weight = (uint16_t)(rate - ew_high_unsigned(zeta, gate));
    const int16_t added = (int16_t)(ew_high(candidate, weight) >> halvings);
    const int16_t kept = ew_high(h, gate);
    if (state_fits) return (int16_t)(kept + added + 1);
    return ew_add_16(kept, (int16_t)(added + 1));
}

EW_KERNEL void fastgrnn_cell(
    const int16_t *a, const int16_t *b, const int16_t *h, int16_t *y, const int32_t *biases, const int16_t *table, uint16_t count,
    uint8_t doublings, uint16_t zeta, uint16_t rate, uint8_t halvings) {
    for (uint16_t i = 0; i < count; i++)
        y[i] = ew_unit(a[i], b[i], h[i], EW_READ_I32(&biases[i]), table + 128, doublings, zeta, rate, halvings, 0, 0);
}

/* Where the next state fits 16 bits. */
EW_KERNEL void fastgrnn_cell_proven_state(
    const int16_t *a, const int16_t *b, const int16_t *h, int16_t *y, const int32_t *biases, const int16_t *table, uint16_t count,
    uint8_t doublings, uint16_t zeta, uint16_t rate, uint8_t halvings) {
    for (uint16_t i = 0; i < count; i++)
        y[i] = ew_unit(a[i], b[i], h[i], EW_READ_I32(&biases[i]), table + 128, doublings, zeta, rate, halvings, 0, 1);
}

/* Where both sums that the table is read with fit them too. */
EW_KERNEL void fastgrnn_cell_proven(
    const int16_t *a, const int16_t *b, const int16_t *h, int16_t *y, const int32_t *biases, const int16_t *table, uint16_t count,
    uint8_t doublings, uint16_t zeta, uint16_t rate, uint8_t halvings) {
    for (uint16_t i = 0; i < count; i++)
        y[i] = ew_unit(a[i], b[i], h[i], EW_READ_I32(&biases[i]), table + 128, doublings, zeta, rate, halvings, 1, 1);
}
