/* Two rows in one multiplication, on cores that multiply 32 bits but have no instruction for several products.

   A word holds one column of four rows: the bytes w0 w1 w2 w3, each weight plus 128. Sums of products live in 32 bits, modulo 2^32:
       all  = S0 + 2^8 S1 + 2^16 S2 + 2^24 S3      of the words themselves times x
       odd  =      S1              + 2^16 S3       of ((word >> 8) & 0x00FF00FF) times x
       even = all - 2^8 odd = S0   + 2^16 S2
   While each S fits 16 bits, the halves of even and odd are the four sums. So columns are divided into chunks for which that is proven
   (_packed.py), and after each the halves are added to sums of 32 bits. Each S starts from 2^15 - 128 sum(x), which takes the 128s out
   again and makes the halves positive; 2^15 a chunk is taken off the sums beforehand. The sums of x are made once for all rows. */
#ifndef EDGEWRIGHT_PACKED_H
#define EDGEWRIGHT_PACKED_H

#include "kernel.h"

/* Writes two words for each chunk: what its sums start from, and how far it is to its first pair in the code, or how many columns it
   has. What follows the last leads out of the code. Returns where that lies. */
static inline const int32_t *ew_make_heads(const int8_t *x, int32_t *heads, const uint8_t *pairs, uint16_t chunks) {
    for (; chunks > 0; chunks--) {
        const uint8_t columns = (uint8_t)(2 * EW_READ_U8(pairs++));
        int32_t sum = 0;
        for (uint8_t i = 0; i < columns; i++) sum += *x++;
        *heads++ = (int32_t)(0x80008000u - (uint32_t)sum * 0x00800080u);
#if defined(__thumb2__) && defined(__OPTIMIZE__)
        *heads++ = 18 * (16 - columns) - 2;
#else
        *heads++ = columns;
#endif
    }
    heads[0] = 0;
    heads[1] = 318;
    return heads;
}

/* Adds to four sums the products of their rows with x. Returns the end of w. */
static inline const int32_t *ew_add_chunks(
    const int32_t *w, const int8_t *x, const int32_t *head, const int32_t *end, int32_t *sums) {
#if defined(__thumb2__) && defined(__OPTIMIZE__)
    register const int32_t *w_at __asm__("r0") = w, *head_at __asm__("r2") = head;
    register const int8_t *x_at __asm__("r1") = x;
    register int32_t sum0 __asm__("r3") = sums[0], sum1 __asm__("r4") = sums[1], sum2 __asm__("r5") = sums[2];
    register int32_t sum3 __asm__("r6") = sums[3];
    register uint32_t mask __asm__("r8") = 0x00FF00FFu;
    (void)end;
#define EW_COLUMN(word)                     \
    "ldrsb.w r11, [r1], #1\n\t"             \
    "and.w r7, r8, " word ", lsr #8\n\t"    \
    "mla r9, " word ", r11, r9\n\t"         \
    "mla r10, r7, r11, r10\n\t"
#define EW_PAIR "ldrd r12, r14, [r0], #8\n\t" EW_COLUMN("r12") EW_COLUMN("r14")
    /* A pair is 36 bytes of code, and what follows the pairs 32. A jump by -2 is to the next instruction, as pc is four bytes ahead. */
    __asm__ volatile(
        "push {r7}\n"
        "1:\n\t"
        "ldrd r10, r7, [r2], #8\n\t"
        "add.w r9, r10, r10, lsl #8\n\t"
        "add pc, r7\n\t"
        EW_PAIR EW_PAIR EW_PAIR EW_PAIR EW_PAIR EW_PAIR EW_PAIR EW_PAIR
        "sub.w r9, r9, r10, lsl #8\n\t"
        "uxth.w r7, r9\n\t"
        "add.w r3, r3, r7\n\t"
        "uxth.w r7, r10\n\t"
        "add.w r4, r4, r7\n\t"
        "add.w r5, r5, r9, lsr #16\n\t"
        "add.w r6, r6, r10, lsr #16\n\t"
        "b.w 1b\n\t"
        "pop {r7}"
        : [w] "+&r"(w_at), [x] "+&r"(x_at), [head] "+&r"(head_at), [s0] "+&r"(sum0), [s1] "+&r"(sum1), [s2] "+&r"(sum2),
          [s3] "+&r"(sum3)
        : [mask] "r"(mask)
        : "r9", "r10", "r11", "r12", "r14", "cc", "memory");
#undef EW_PAIR
#undef EW_COLUMN
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
    return w_at;
#elif defined(__riscv) && __riscv_xlen == 32 && defined(__OPTIMIZE__)
    int32_t sum0 = sums[0], sum1 = sums[1], sum2 = sums[2], sum3 = sums[3], odd, all, product, first, second, x0, x1;
    const int8_t *stop;
    __asm__ volatile(
        "1:\n\t"
        "lw %[odd], 0(%[head])\n\t"
        "lw %[stop], 4(%[head])\n\t"
        "addi %[head], %[head], 8\n\t"
        "slli %[all], %[odd], 8\n\t"
        "add %[all], %[all], %[odd]\n\t"
        "add %[stop], %[stop], %[x]\n"
        "2:\n\t"
        "lw %[first], 0(%[w])\n\t"
        "lb %[x0], 0(%[x])\n\t"
        "lw %[second], 4(%[w])\n\t"
        "lb %[x1], 1(%[x])\n\t"
        "mul %[product], %[first], %[x0]\n\t"
        "srli %[first], %[first], 8\n\t"
        "and %[first], %[first], %[mask]\n\t"
        "add %[all], %[all], %[product]\n\t"
        "mul %[product], %[second], %[x1]\n\t"
        "srli %[second], %[second], 8\n\t"
        "and %[second], %[second], %[mask]\n\t"
        "add %[all], %[all], %[product]\n\t"
        "mul %[first], %[first], %[x0]\n\t"
        "add %[odd], %[odd], %[first]\n\t"
        "mul %[second], %[second], %[x1]\n\t"
        "add %[odd], %[odd], %[second]\n\t"
        "addi %[w], %[w], 8\n\t"
        "addi %[x], %[x], 2\n\t"
        "bne %[x], %[stop], 2b\n\t"
        "slli %[first], %[odd], 8\n\t"
        "sub %[all], %[all], %[first]\n\t"
        "and %[first], %[all], %[half]\n\t"
        "add %[s0], %[s0], %[first]\n\t"
        "and %[first], %[odd], %[half]\n\t"
        "add %[s1], %[s1], %[first]\n\t"
        "srli %[all], %[all], 16\n\t"
        "add %[s2], %[s2], %[all]\n\t"
        "srli %[odd], %[odd], 16\n\t"
        "add %[s3], %[s3], %[odd]\n\t"
        "bne %[head], %[end], 1b"
        : [w] "+&r"(w), [x] "+&r"(x), [head] "+&r"(head), [s0] "+&r"(sum0), [s1] "+&r"(sum1), [s2] "+&r"(sum2),
          [s3] "+&r"(sum3), [odd] "=&r"(odd), [all] "=&r"(all), [stop] "=&r"(stop), [product] "=&r"(product),
          [first] "=&r"(first), [second] "=&r"(second), [x0] "=&r"(x0), [x1] "=&r"(x1)
        : [end] "r"(end), [mask] "r"(0x00FF00FFu), [half] "r"(0xFFFFu)
        : "memory");
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
    return w;
#else
    uint32_t sum0 = (uint32_t)sums[0], sum1 = (uint32_t)sums[1], sum2 = (uint32_t)sums[2], sum3 = (uint32_t)sums[3];
    for (; head != end; head += 2) {
        uint32_t odd = (uint32_t)head[0], all = odd + (odd << 8);
        const int8_t *const stop = x + head[1];
        for (; x != stop; x++) {
            const uint32_t word = (uint32_t)EW_READ_I32(w++);
            const uint32_t entry = (uint32_t)*x;
            all += word * entry;
            odd += ((word >> 8) & 0x00FF00FFu) * entry;
        }
        all -= odd << 8;
        sum0 += all & 0xFFFFu;
        sum1 += odd & 0xFFFFu;
        sum2 += all >> 16;
        sum3 += odd >> 16;
    }
    sums[0] = (int32_t)sum0;
    sums[1] = (int32_t)sum1;
    sums[2] = (int32_t)sum2;
    sums[3] = (int32_t)sum3;
    return w;
#endif
}

/* Writes x as ew_add_stream reads it. Each chunk is what its sums start from, how far it is to its first pair in the code, or how many
   pairs it has, and its entries as words; one that is missing to a pair is 0. Returns the end. */
static inline const int32_t *ew_make_stream(
    const int8_t *x, int32_t *stream, const uint8_t *pairs, uint16_t chunks, uint16_t columns) {
    const int8_t *const end = x + columns;
    for (; chunks > 0; chunks--) {
        const uint8_t count = EW_READ_U8(pairs++);
        int32_t *const head = stream;
        int32_t sum = 0;
        stream += 2;
        for (uint8_t i = 0; i < count; i++) {
            const int32_t x0 = *x++, x1 = x < end ? *x++ : 0;
            sum += x0 + x1;
            *stream++ = x0;
            *stream++ = x1;
        }
#if defined(__ARM_ARCH_6M__) && defined(__OPTIMIZE__)
        head[0] = (int32_t)(0x80808000u - (uint32_t)sum * 0x80808080u);
        head[1] = 26 * (8 - count) - 2;
#else
        head[0] = (int32_t)(0x80008000u - (uint32_t)sum * 0x00800080u);
        head[1] = count;
#endif
    }
    return stream;
}

/* Adds to four sums the products of their rows with x. Returns the end of w.

   In Thumb-1 a mask takes an instruction and a register. One that needs neither swaps the bytes of the halves, which gives a second sum,
       swapped = S1 + 2^8 S0 + 2^16 S3 + 2^24 S2,   so that modulo 2^32
       all - 2^8 swapped = S0 + 2^16 (S2 - S0)   and   swapped - 2^8 all = S1 + 2^16 (S3 - S1).
   Both sums start from the same word: times -255 it is 2^15. */
static inline const int32_t *ew_add_stream(const int32_t *w, const int32_t *stream, const int32_t *end, int32_t *sums) {
#if defined(__ARM_ARCH_6M__) && defined(__OPTIMIZE__)
    register const int32_t *w_at __asm__("r0") = w, *x_at __asm__("r1") = stream;
    register int32_t *sums_at __asm__("r2") = sums;
    register const int32_t *x_end __asm__("r3") = end;
#define EW_PAIR                     \
    "ldmia r1!, {r6, r7}\n\t"       \
    "ldmia r0!, {r4}\n\t"           \
    "rev16 r5, r4\n\t"              \
    "muls r4, r6, r4\n\t"           \
    "adds r2, r2, r4\n\t"           \
    "muls r5, r6, r5\n\t"           \
    "adds r3, r3, r5\n\t"           \
    "ldmia r0!, {r4}\n\t"           \
    "rev16 r5, r4\n\t"              \
    "muls r4, r7, r4\n\t"           \
    "adds r2, r2, r4\n\t"           \
    "muls r5, r7, r5\n\t"           \
    "adds r3, r3, r5\n\t"
#define EW_HALVES(both, low, high)  \
    "lsls r6, " both ", #16\n\t"    \
    "adds " both ", " both ", r6\n\t" \
    "lsrs r6, r6, #16\n\t"          \
    "add " low ", r6\n\t"           \
    "lsrs " both ", " both ", #16\n\t" \
    "add " high ", " both "\n\t"
    /* All low registers are in use, that of the frame too. A jump by -2 is to the next instruction, as pc is four bytes ahead. */
    __asm__ volatile(
        ".syntax unified\n\t"
        "push {r2, r7}\n\t"
        "mov r12, r3\n\t"
        "ldmia r2!, {r3, r4, r5, r6}\n\t"
        "mov r8, r3\n\t"
        "mov r9, r4\n\t"
        "mov r10, r5\n\t"
        "mov r11, r6\n"
        "1:\n\t"
        "ldmia r1!, {r2, r5}\n\t"
        "movs r3, r2\n\t"
        "add pc, r5\n\t"
        EW_PAIR EW_PAIR EW_PAIR EW_PAIR EW_PAIR EW_PAIR EW_PAIR EW_PAIR
        "lsls r4, r3, #8\n\t"
        "subs r4, r2, r4\n\t"
        "lsls r5, r2, #8\n\t"
        "subs r5, r3, r5\n\t"
        EW_HALVES("r4", "r8", "r10")
        EW_HALVES("r5", "r9", "r11")
        "cmp r1, r12\n\t"
        "bne 1b\n\t"
        "pop {r2, r7}\n\t"
        "mov r3, r8\n\t"
        "mov r4, r9\n\t"
        "mov r5, r10\n\t"
        "mov r6, r11\n\t"
        "stmia r2!, {r3, r4, r5, r6}"
        : [w] "+&r"(w_at), [x] "+&r"(x_at), [sums] "+&r"(sums_at), [end] "+&r"(x_end)
        :
        : "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "cc", "memory");
#undef EW_HALVES
#undef EW_PAIR
    return w_at;
#else
    uint32_t sum0 = (uint32_t)sums[0], sum1 = (uint32_t)sums[1], sum2 = (uint32_t)sums[2], sum3 = (uint32_t)sums[3];
    while (stream != end) {
        uint32_t odd = (uint32_t)stream[0], all = odd + (odd << 8);
        const int32_t *const stop = stream + 2 + 2 * stream[1];
        for (stream += 2; stream != stop; stream++) {
            const uint32_t word = (uint32_t)EW_READ_I32(w++);
            const uint32_t entry = (uint32_t)*stream;
            all += word * entry;
            odd += ((word >> 8) & 0x00FF00FFu) * entry;
        }
        all -= odd << 8;
        sum0 += all & 0xFFFFu;
        sum1 += odd & 0xFFFFu;
        sum2 += all >> 16;
        sum3 += odd >> 16;
    }
    sums[0] = (int32_t)sum0;
    sums[1] = (int32_t)sum1;
    sums[2] = (int32_t)sum2;
    sums[3] = (int32_t)sum3;
    return w;
#endif
}

/* The rows from r on, one by one. */
static inline void ew_left_rows_BIAS_Y_FORM(
    const int8_t *x, Y_T *y, const int8_t *w, const BIAS_T *bias, uint16_t r, uint16_t rows, uint16_t columns,
    EW_FORM_PARAMETERS) {
    for (; r < rows; r++) {
        int32_t sum = EW_READ_BIAS(&bias[r]);
        for (uint16_t c = 0; c < columns; c++) sum += (int32_t)EW_READ_I8(w++) * x[c];
        y[r] = (Y_T)EW_REQUANTISE(sum, r);
    }
}

#endif
