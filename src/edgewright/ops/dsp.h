/* Products of int8 on cores that multiply two pairs of int16 in one instruction.

   Four entries x0..x3 become two words of two int16 each:
       odd   (x1, x3)
       even  (256 x0 - x1 + 127, 256 x2 - x3 + 127), which is the bytes x1 ^ 127, x0, x3 ^ 127, x2
   and four weights one word, (256 w1 + w0, 256 w3 + w2), whose lower bytes are w0 and w2. So
       (256 w1 + w0) x1 + (256 w3 + w2) x3  +  w0 even0 + w2 even2  =  256 (w0 x0 + w1 x1 + w2 x2 + w3 x3) + 127 (w0 + w2)
   in 3 instructions, for every x in -128..127 and every w in -127..127. The last term is known beforehand: `start` holds 256 times
   the bias less that. Sums may wrap around on their way; that what comes out fits 32 bits is proven by _dsp.py. Where a bias is too
   large for that, `rest` holds it, to be added at the end; else it is a null pointer. */
#ifndef EDGEWRIGHT_DSP_H
#define EDGEWRIGHT_DSP_H

#include "windows.h"

/* Four entries as a word, the first in the lowest byte. */
static inline uint32_t ew_word(const int8_t *x) {
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && !defined(__ARM_BIG_ENDIAN)
    uint32_t word;
    __builtin_memcpy(&word, x, 4);
    return word;
#else
    return (uint32_t)(uint8_t)x[0] | (uint32_t)(uint8_t)x[1] << 8 | (uint32_t)(uint8_t)x[2] << 16 |
           (uint32_t)(uint8_t)x[3] << 24;
#endif
}

/* Writes what ew_word reads. */
static inline void ew_put_word(int8_t *x, uint32_t word) {
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && !defined(__ARM_BIG_ENDIAN)
    __builtin_memcpy(x, &word, 4);
#else
    for (uint8_t i = 0; i < 4; i++) {
        x[i] = (int8_t)(word & 0xFFu);
        word >>= 8;
    }
#endif
}

/* (x1, x3) of the bytes x0..x3. */
static inline uint32_t ew_odd(uint32_t word) {
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && !defined(__ARM_BIG_ENDIAN)
    uint32_t odd;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(odd) : "r"(word));
    return odd;
#else
    return (uint32_t)(uint16_t)(int8_t)((word >> 8) & 0xFFu) | (uint32_t)(uint16_t)(int8_t)(word >> 24) << 16;
#endif
}

/* (256 x0 - x1 + 127, 256 x2 - x3 + 127) of the bytes x0..x3. */
static inline uint32_t ew_even(uint32_t word) {
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && !defined(__ARM_BIG_ENDIAN)
    __asm__("rev16 %0, %0" : "+r"(word));
#else
    word = (word & 0x00FF00FFu) << 8 | ((word >> 8) & 0x00FF00FFu);
#endif
    return word ^ 0x007F007Fu;
}

/* Adds to sums[2 f + p] the products of two filters f with two pixels p. Each four columns are two words of w, a filter each, and
   four words of x: odd of both pixels, even of both. Returns the end of w. */
static inline const int32_t *ew_multiply_2_2(const int32_t *w, const int32_t *x, const int32_t *end, int32_t *sums) {
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && !defined(__ARM_BIG_ENDIAN)
    /* Where they lie is written down: compilers do not always find places for so many beside what ldmia fills and a frame pointer. */
    register const int32_t *w_at __asm__("r0") = w, *x_at __asm__("r1") = x, *x_end __asm__("r2") = end;
    register int32_t sum0 __asm__("r3") = sums[0], sum1 __asm__("r4") = sums[1], sum2 __asm__("r5") = sums[2];
    register int32_t sum3 __asm__("r6") = sums[3];
    register int32_t weight0 __asm__("r12"), weight1 __asm__("r14");
#define EW_FOUR_COLUMNS                          \
    "ldmia %[x]!, {r8, r9, r10, r11}\n\t"        \
    "ldrd %[w0], %[w1], [%[w]], #8\n\t"          \
    "smlad %[s0], %[w0], r8, %[s0]\n\t"          \
    "smlad %[s1], %[w0], r9, %[s1]\n\t"          \
    "smlad %[s2], %[w1], r8, %[s2]\n\t"          \
    "sxtb16 %[w0], %[w0]\n\t"                    \
    "smlad %[s3], %[w1], r9, %[s3]\n\t"          \
    "sxtb16 %[w1], %[w1]\n\t"                    \
    "smlad %[s0], %[w0], r10, %[s0]\n\t"         \
    "smlad %[s1], %[w0], r11, %[s1]\n\t"         \
    "smlad %[s2], %[w1], r10, %[s2]\n\t"         \
    "smlad %[s3], %[w1], r11, %[s3]\n\t"
    /* Eight columns a turn; an odd four begins in its middle. */
    __asm__ volatile(
        "sub %[w0], %[end], %[x]\n\t"
        "lsls %[w0], %[w0], #27\n\t"
        "bmi 2f\n"
        "1:\n\t" EW_FOUR_COLUMNS
        "2:\n\t" EW_FOUR_COLUMNS
        "cmp %[x], %[end]\n\t"
        "bne 1b"
        : [w] "+&r"(w_at), [x] "+&r"(x_at), [s0] "+&r"(sum0), [s1] "+&r"(sum1), [s2] "+&r"(sum2), [s3] "+&r"(sum3),
          [w0] "=&r"(weight0), [w1] "=&r"(weight1)
        : [end] "r"(x_end)
        : "r8", "r9", "r10", "r11", "cc", "memory");
#undef EW_FOUR_COLUMNS
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
    w = w_at;
#else
    for (; x != end; x += 4) {
        for (uint8_t f = 0; f < 2; f++) {
            const uint32_t words = (uint32_t)EW_READ_I32(w++);
            for (uint8_t half = 0; half < 32; half = (uint8_t)(half + 16)) {
                const int16_t weight = (int16_t)((words >> half) & 0xFFFFu);
                const int32_t low = (int8_t)(weight & 0xFF);
                for (uint8_t p = 0; p < 2; p++) {
                    const int16_t odd = (int16_t)(((uint32_t)x[p] >> half) & 0xFFFFu);
                    const int16_t even = (int16_t)(((uint32_t)x[2 + p] >> half) & 0xFFFFu);
                    const uint32_t products = (uint32_t)((int32_t)weight * odd) + (uint32_t)(low * even);
                    sums[2 * f + p] = (int32_t)((uint32_t)sums[2 * f + p] + products);
                }
            }
        }
    }
#endif
    return w;
}

/* Adds to four sums the products of a row each with one vector. Each four columns are four words of w, a row each, and two words
   of x: odd, even. Moves on behind the sums and returns the end of w. */
static inline const int32_t *ew_multiply_4_1(const int32_t *w, const int32_t *x, const int32_t *end, int32_t **sums) {
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && !defined(__ARM_BIG_ENDIAN)
    /* Where they lie is written down: compilers do not always find places for so many beside what ldmia fills and a frame pointer. */
    register const int32_t *w_at __asm__("r0") = w, *x_at __asm__("r1") = x, *x_end __asm__("r2") = end;
    register int32_t *sums_at __asm__("r12") = *sums;
#define EW_FOUR_COLUMNS                  \
    "ldmia.w r0!, {r8, r9, r10, r11}\n\t" \
    "ldrd r12, r14, [r1], #8\n\t"        \
    "smlad r3, r8, r12, r3\n\t"          \
    "sxtb16 r8, r8\n\t"                  \
    "smlad r4, r9, r12, r4\n\t"          \
    "sxtb16 r9, r9\n\t"                  \
    "smlad r5, r10, r12, r5\n\t"         \
    "sxtb16 r10, r10\n\t"                \
    "smlad r6, r11, r12, r6\n\t"         \
    "sxtb16 r11, r11\n\t"                \
    "smlad r3, r8, r14, r3\n\t"          \
    "smlad r4, r9, r14, r4\n\t"          \
    "smlad r5, r10, r14, r5\n\t"         \
    "smlad r6, r11, r14, r6\n\t"
    /* Sixteen columns a turn, 56 bytes of code and 8 of x for each four. The first turn begins where as many are left as it takes:
       pc is four bytes ahead, so that a jump by 0 leaves out the nop. */
    __asm__ volatile(
        "push {r12}\n\t"
        "ldmia.w r12, {r3, r4, r5, r6}\n\t"
        "sub.w r12, r1, r2\n\t"
        "and.w r12, r12, #24\n\t"
        "rsb.w r12, r12, r12, lsl #3\n\t"
        "add pc, r12\n\t"
        "nop\n"
        "1:\n\t" EW_FOUR_COLUMNS EW_FOUR_COLUMNS EW_FOUR_COLUMNS EW_FOUR_COLUMNS
        "cmp r1, r2\n\t"
        "bne 1b\n\t"
        "pop {r12}\n\t"
        "stmia.w r12!, {r3, r4, r5, r6}"
        : [w] "+&r"(w_at), [x] "+&r"(x_at), [sums] "+&r"(sums_at)
        : [end] "r"(x_end)
        : "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r14", "cc", "memory");
#undef EW_FOUR_COLUMNS
    *sums = sums_at;
    return w_at;
#else
    for (; x != end; x += 2) {
        for (uint8_t r = 0; r < 4; r++) {
            const uint32_t words = (uint32_t)EW_READ_I32(w++);
            for (uint8_t half = 0; half < 32; half = (uint8_t)(half + 16)) {
                const int16_t weight = (int16_t)((words >> half) & 0xFFFFu);
                const int16_t odd = (int16_t)(((uint32_t)x[0] >> half) & 0xFFFFu);
                const int16_t even = (int16_t)(((uint32_t)x[1] >> half) & 0xFFFFu);
                const int32_t low = (int8_t)(weight & 0xFF);
                const uint32_t products = (uint32_t)((int32_t)weight * odd) + (uint32_t)(low * even);
                (*sums)[r] = (int32_t)((uint32_t)(*sums)[r] + products);
            }
        }
    }
    *sums += 4;
    return w;
#endif
}

/* Writes odd and even of `words` times four entries for one of two pixels, whose words take turns. Returns the end. */
static inline int32_t *ew_widen(const int8_t *x, int32_t *pairs, uint16_t words) {
    for (; words > 0; words--) {
        const uint32_t word = ew_word(x);
        x += 4;
        pairs[0] = (int32_t)ew_odd(word);
        pairs[2] = (int32_t)ew_even(word);
        pairs += 4;
    }
    return pairs;
}

/* The same where all entries are equal. */
static inline int32_t *ew_widen_fill(int8_t fill, int32_t *pairs, uint16_t words) {
    const uint32_t word = (uint32_t)(uint8_t)fill * 0x01010101u;
    for (; words > 0; words--) {
        pairs[0] = (int32_t)ew_odd(word);
        pairs[2] = (int32_t)ew_even(word);
        pairs += 4;
    }
    return pairs;
}

/* The same for the window at (down, across) of an image whose channels are a multiple of four, without a dilation across. */
EW_KERNEL void ew_widen_window(
    const int8_t *x, int32_t *pairs, const ew_windows *at, uint16_t down, uint16_t across, int8_t fill) {
    const int32_t first_y = (int32_t)down * at->stride_y - at->top;
    const int32_t first_x = (int32_t)across * at->stride_x - at->left;
    const uint16_t words = at->channels / 4;
    const int32_t left = ew_clip(-first_x, 0, at->size_x);
    const int32_t right = ew_clip(at->width - first_x, left, at->size_x);
    for (uint16_t i = 0; i < at->size_y; i++) {
        const int32_t from_y = first_y + (int32_t)i * at->dilation_y;
        if (from_y < 0 || from_y >= at->height || left == right) {
            pairs = ew_widen_fill(fill, pairs, (uint16_t)(at->size_x * (uint32_t)words));
        } else {
            const int8_t *from = &x[(from_y * at->width + first_x + left) * at->channels];
            pairs = ew_widen_fill(fill, pairs, (uint16_t)(left * words));
            pairs = ew_widen(from, pairs, (uint16_t)((right - left) * words));
            pairs = ew_widen_fill(fill, pairs, (uint16_t)((at->size_x - right) * words));
        }
    }
}

/* Writes odd and even of a vector, whose last entries may be less than four. Returns the end. */
static inline const int32_t *ew_widen_vector(const int8_t *x, int32_t *pairs, uint16_t columns) {
    const int8_t *const end = x + (columns & ~3u);
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && !defined(__ARM_BIG_ENDIAN)
    if (x != end) {
        uint32_t odd, even;
        __asm__ volatile(
            "1:\n\t"
            "ldr %[even], [%[x]], #4\n\t"
            "sxtb16 %[odd], %[even], ror #8\n\t"
            "rev16 %[even], %[even]\n\t"
            "eor %[even], %[even], #0x007F007F\n\t"
            "strd %[odd], %[even], [%[pairs]], #8\n\t"
            "cmp %[x], %[end]\n\t"
            "bne 1b"
            : [x] "+&r"(x), [pairs] "+&r"(pairs), [odd] "=&r"(odd), [even] "=&r"(even)
            : [end] "r"(end)
            : "cc", "memory");
    }
#else
    for (; x != end; x += 4) {
        *pairs++ = (int32_t)ew_odd(ew_word(x));
        *pairs++ = (int32_t)ew_even(ew_word(x));
    }
#endif
    if (columns & 3u) {
        int8_t last[4] = {0, 0, 0, 0};
        for (uint8_t i = 0; i < (columns & 3u); i++) last[i] = x[i];
        *pairs++ = (int32_t)ew_odd(ew_word(last));
        *pairs++ = (int32_t)ew_even(ew_word(last));
    }
    return pairs;
}

/* Copies the window at (down, across) of an image whose channels are a multiple of four; what lies outside is `fill`. */
EW_KERNEL void ew_gather_words(
    const int8_t *x, int8_t *window, const ew_windows *at, uint16_t down, uint16_t across, int8_t fill) {
    const int32_t first_y = (int32_t)down * at->stride_y - at->top;
    const int32_t first_x = (int32_t)across * at->stride_x - at->left;
    for (uint16_t i = 0; i < at->size_y; i++) {
        const int32_t from_y = first_y + (int32_t)i * at->dilation_y;
        for (uint16_t j = 0; j < at->size_x; j++) {
            const int32_t from_x = first_x + (int32_t)j * at->dilation_x;
            int8_t *const end = window + at->channels;
            if (from_y >= 0 && from_y < at->height && from_x >= 0 && from_x < at->width) {
                const int8_t *from = &x[(from_y * at->width + from_x) * at->channels];
                for (; window != end; window += 4) {
                    ew_put_word(window, ew_word(from));
                    from += 4;
                }
            } else {
                for (; window != end; window += 4) ew_put_word(window, (uint32_t)(uint8_t)fill * 0x01010101u);
            }
        }
    }
}

/* Outputs of all filters at two pixels, which may be the same. x: odd and even of both windows. w, start: two filters together. */
EW_KERNEL void ew_filters_Y_FORM(
    const int32_t *x, const int32_t *end, const int32_t *w, const int32_t *start, const int32_t *rest, uint16_t filters,
    Y_T *y0, Y_T *y1, EW_FORM_PARAMETERS) {
    for (uint16_t f = 0; f < filters; f++) {
        int32_t sums[4];
        const int32_t rest0 = rest ? EW_READ_I32(&rest[f]) : 0, rest1 = rest ? EW_READ_I32(&rest[f + 1]) : 0;
        sums[0] = sums[1] = EW_READ_I32(&start[0]);
        sums[2] = sums[3] = EW_READ_I32(&start[1]);
        start += 2;
        w = ew_multiply_2_2(w, x, end, sums);
        sums[0] = (sums[0] >> 8) + rest0;
        sums[1] = (sums[1] >> 8) + rest0;
        sums[0] = EW_REQUANTISE(sums[0], f);
        sums[1] = EW_REQUANTISE(sums[1], f);
        *y0++ = (Y_T)sums[0];
        *y1++ = (Y_T)sums[1];
        if (++f == filters) break;
        sums[2] = (sums[2] >> 8) + rest1;
        sums[3] = (sums[3] >> 8) + rest1;
        sums[2] = EW_REQUANTISE(sums[2], f);
        sums[3] = EW_REQUANTISE(sums[3], f);
        *y0++ = (Y_T)sums[2];
        *y1++ = (Y_T)sums[3];
    }
}

#endif
