/* y = pixels of an image x [height, width, channels]: row i of y is row i * height / down of x, and so with columns. */
#include "kernel.h"

EW_KERNEL void resize_nearest_X(
    const X_T *x, X_T *y, uint16_t height, uint16_t width, uint16_t channels, uint16_t down, uint16_t across) {
    for (uint16_t i = 0; i < down; i++) {
        const X_T *row = &x[(uint32_t)i * height / down * width * channels];
        for (uint16_t j = 0; j < across; j++) {
            const X_T *pixel = &row[(uint32_t)j * width / across * channels];
            for (uint16_t c = 0; c < channels; c++) *y++ = pixel[c];
        }
    }
}
