/* The parts of a fixed-point FFT. A number is two entries, real and imaginary; `turns` holds cosine and sine in Q15. */
#ifndef EDGEWRIGHT_FFT_H
#define EDGEWRIGHT_FFT_H

#include "kernel.h"

/* A factor in Q15, 0 or more, in the form that ew_fft_product multiplies by: where a core has the upper half of a product, that is it. */
static inline int32_t ew_fft_factor(const int16_t *turns) {
#if defined(__AVR__) || (defined(__ARM_ARCH) && __ARM_ARCH == 6)
    return EW_READ_I16(turns);
#else
    return (int32_t)EW_READ_I16(turns) * 65536;
#endif
}

/* (b * factor) >> 16. */
static inline int32_t ew_fft_product(int32_t b, int32_t factor) {
#if defined(__AVR__) || (defined(__ARM_ARCH) && __ARM_ARCH == 6)
    return (b >> 16) * factor + (int32_t)(((uint32_t)b & 0xFFFFu) * (uint16_t)factor >> 16);
#else
    return (int32_t)(((int64_t)b * factor) >> 32);
#endif
}

/* One windowed sample, a quarter of it, as two stages only add; 0 behind the end of a frame that is not `whole`. */
static inline int32_t ew_fft_sample(const int16_t *x, const int16_t *window, uint32_t i, uint32_t samples, uint8_t whole) {
    return whole || i < samples ? ((int32_t)x[i] * EW_READ_I16(&window[i])) >> 2 : 0;
}

/* (a / 2 + t, a / 2 - t). */
static inline void ew_fft_pair(int32_t *a, int32_t *b, int32_t t_re, int32_t t_im) {
    const int32_t re = a[0] >> 1, im = a[1] >> 1;
    a[0] = re + t_re;
    a[1] = im + t_im;
    b[0] = re - t_re;
    b[1] = im - t_im;
}

/* The pairs from a on to the end: (a / 2 + t, a / 2 - t), where t is b, `half` numbers behind, turned by cosine - i sine and halved;
   and those half of `half` further on, turned by -i further. */
static inline void ew_fft_turn(int32_t *a, const int32_t *end, uint16_t half, int32_t cosine, int32_t sine) {
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && !defined(__ARM_BIG_ENDIAN)
    /* 16 instructions a pair; compilers keep half of these numbers in memory. */
    int32_t *b = a + 2 * (uint32_t)half;
    int32_t re, im, t_re, t_im, sum;
    __asm__ volatile(
        "1:\n\t"
        "ldrd %[re], %[im], [%[b]]\n\t"
        "smmul %[t_re], %[re], %[cosine]\n\t"
        "smmul %[t_im], %[im], %[cosine]\n\t"
        "smmla %[t_re], %[im], %[sine], %[t_re]\n\t"
        "smmul %[sum], %[re], %[sine]\n\t"
        "ldrd %[re], %[im], [%[a]]\n\t"
        "sub %[t_im], %[t_im], %[sum]\n\t"
        "add %[sum], %[t_re], %[re], asr #1\n\t"
        "rsb %[t_re], %[t_re], %[re], asr #1\n\t"
        "add %[re], %[t_im], %[im], asr #1\n\t"
        "rsb %[t_im], %[t_im], %[im], asr #1\n\t"
        "strd %[sum], %[re], [%[a]]\n\t"
        "strd %[t_re], %[t_im], [%[b]]\n\t"
        "add %[a], %[a], %[half], lsl #2\n\t"
        "add %[b], %[b], %[half], lsl #2\n\t"
        "ldrd %[re], %[im], [%[b]]\n\t"
        "smmul %[t_re], %[re], %[cosine]\n\t"
        "smmul %[t_im], %[im], %[cosine]\n\t"
        "smmla %[t_re], %[im], %[sine], %[t_re]\n\t"
        "smmul %[sum], %[re], %[sine]\n\t"
        "ldrd %[re], %[im], [%[a]]\n\t"
        "sub %[t_im], %[t_im], %[sum]\n\t"
        "add %[sum], %[t_im], %[re], asr #1\n\t"
        "rsb %[t_im], %[t_im], %[re], asr #1\n\t"
        "add %[re], %[t_re], %[im], asr #1\n\t"
        "rsb %[t_re], %[t_re], %[im], asr #1\n\t"
        "strd %[sum], %[t_re], [%[a]]\n\t"
        "strd %[t_im], %[re], [%[b]]\n\t"
        "add %[a], %[b], %[half], lsl #2\n\t"
        "add %[b], %[a], %[half], lsl #3\n\t"
        "cmp %[a], %[end]\n\t"
        "blo 1b"
        : [a] "+&r"(a), [b] "+&r"(b), [re] "=&r"(re), [im] "=&r"(im), [t_re] "=&r"(t_re), [t_im] "=&r"(t_im), [sum] "=&r"(sum)
        : [end] "r"(end), [half] "r"((uint32_t)half), [cosine] "r"(cosine), [sine] "r"(sine)
        : "cc", "memory");
#else
    for (; a < end; a += 4 * (uint32_t)half) {
        int32_t *const b = a + 2 * (uint32_t)half;
        int32_t re = b[0], im = b[1];
        ew_fft_pair(
            a, b, ew_fft_product(re, cosine) + ew_fft_product(im, sine), ew_fft_product(im, cosine) - ew_fft_product(re, sine));
        re = b[half];
        im = b[half + 1];
        ew_fft_pair(
            a + half, b + half, ew_fft_product(im, cosine) - ew_fft_product(re, sine),
            -(ew_fft_product(re, cosine) + ew_fft_product(im, sine)));
    }
#endif
}

/* The windowed samples in bit-reversed order, and the first two stages. */
static inline void ew_fft_begin(
    const int16_t *x, int32_t *y, const int16_t *window, uint16_t samples, uint16_t points, uint8_t whole) {
    const uint32_t quarter = points / 2;
    uint32_t i = 0;
    for (const int32_t *const end = y + 2 * (uint32_t)points; y != end; y += 8) {
        const int32_t re0 = ew_fft_sample(x, window, i, samples, whole);
        const int32_t im0 = ew_fft_sample(x, window, i + 1, samples, whole);
        const int32_t re1 = ew_fft_sample(x, window, i + 2 * quarter, samples, whole);
        const int32_t im1 = ew_fft_sample(x, window, i + 2 * quarter + 1, samples, whole);
        const int32_t sum_re = re0 + re1, sum_im = im0 + im1, difference_re = re0 - re1, difference_im = im0 - im1;
        const int32_t re2 = ew_fft_sample(x, window, i + quarter, samples, whole);
        const int32_t im2 = ew_fft_sample(x, window, i + quarter + 1, samples, whole);
        const int32_t re3 = ew_fft_sample(x, window, i + 3 * quarter, samples, whole);
        const int32_t im3 = ew_fft_sample(x, window, i + 3 * quarter + 1, samples, whole);
        const int32_t other_re = re2 + re3, other_im = im2 + im3, turned_re = im2 - im3, turned_im = re3 - re2;
        y[0] = sum_re + other_re;
        y[1] = sum_im + other_im;
        y[2] = difference_re + turned_re;
        y[3] = difference_im + turned_im;
        y[4] = sum_re - other_re;
        y[5] = sum_im - other_im;
        y[6] = difference_re - turned_re;
        y[7] = difference_im - turned_im;
        uint32_t bit = quarter / 2;
        while (i & bit) {
            i ^= bit;
            bit /= 2;
        }
        i |= bit;
    }
}

/* One stage: pairs that lie `half` numbers apart; `next` entries of `turns` lie between two of its turns. */
EW_KERNEL void ew_fft_stage(int32_t *y, const int16_t *turns, uint16_t points, uint16_t half, uint16_t next) {
    int32_t *const end = y + 2 * (uint32_t)points;
    for (int32_t *a = y; a < end; a += 4 * (uint32_t)half) {
        int32_t *const b = a + 2 * (uint32_t)half;
        ew_fft_pair(a, b, b[0] >> 1, b[1] >> 1);
        ew_fft_pair(a + half, b + half, b[half + 1] >> 1, -(b[half] >> 1));
    }
    for (uint16_t j = 2; j < half; j = (uint16_t)(j + 2)) {
        turns += next;
        const int32_t cosine = ew_fft_factor(&turns[0]), sine = ew_fft_factor(&turns[1]);
        ew_fft_turn(y + j, end, half, cosine, sine);
    }
}

/* The spectrum of real samples from that of the numbers that were made of them. */
EW_KERNEL void ew_fft_split(int32_t *y, const int16_t *turns, uint16_t points) {
    int32_t *low = y, *high = y + 2 * (uint32_t)points;
    const int32_t first_re = y[0] >> 1, first_im = y[1] >> 1;
    y[0] = first_re + first_im;
    y[1] = 0;
    high[0] = first_re - first_im;
    high[1] = 0;
    for (uint16_t k = 1; k < points / 2; k++) {
        low += 2;
        high -= 2;
        turns += 2;
        const int32_t cosine = ew_fft_factor(&turns[0]), sine = ew_fft_factor(&turns[1]);
        const int32_t low_re = low[0] >> 1, low_im = low[1] >> 1, high_re = high[0] >> 1, high_im = high[1] >> 1;
        const int32_t even_re = (low_re + high_re) >> 1, even_im = (low_im - high_im) >> 1;
        const int32_t odd_re = low_re - high_re, odd_im = low_im + high_im;
        const int32_t t_re = ew_fft_product(odd_re, cosine) + ew_fft_product(odd_im, sine);
        const int32_t t_im = ew_fft_product(odd_im, cosine) - ew_fft_product(odd_re, sine);
        low[0] = even_re + t_im;
        low[1] = even_im - t_re;
        high[0] = even_re - t_im;
        high[1] = -(even_im + t_re);
    }
    low[2] >>= 1;
    low[3] = -(low[3] >> 1);
}

EW_KERNEL void ew_fft_end(int32_t *y, const int16_t *turns, uint16_t points) {
    uint16_t next = (uint16_t)(points / 2);
    for (uint16_t half = 4; half < points; half = (uint16_t)(2 * half)) {
        ew_fft_stage(y, turns, points, half, next);
        next = (uint16_t)(next / 2);
    }
    ew_fft_split(y, turns, points);
}

#endif
