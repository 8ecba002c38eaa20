/* The spectrum of one frame: a complex FFT of half the length in place in y, and the split of the even and the odd samples.
   fft.py defines every rounding. A number is two entries, real and imaginary; `turns` holds cosine and sine in Q15. */
#include "fft.h"

EW_KERNEL void fft_whole(const int16_t *x, int32_t *y, const int16_t *window, const int16_t *turns, uint16_t points) {
    ew_fft_begin(x, y, window, 0, points, 1);
    ew_fft_end(y, turns, points);
}

EW_KERNEL void fft_padded(
    const int16_t *x, int32_t *y, const int16_t *window, const int16_t *turns, uint16_t samples, uint16_t points) {
    ew_fft_begin(x, y, window, samples, points, 0);
    ew_fft_end(y, turns, points);
}
