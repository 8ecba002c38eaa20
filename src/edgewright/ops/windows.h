/* Windows over an image [height, width, channels]. */
#include "kernel.h"

/* How windows lie on an image [height, width, channels]: `down` rows of `across` windows of size_y times size_x entries. */
typedef struct {
    uint16_t height, width, channels, down, across, size_y, size_x, stride_y, stride_x, dilation_y, dilation_x, top, left;
} ew_windows;

/* Reads a geometry: _windows.py writes it. */
static inline ew_windows ew_windows_at(const uint16_t *geometry) {
    ew_windows at;
    at.height = EW_READ_U16(&geometry[0]);
    at.width = EW_READ_U16(&geometry[1]);
    at.channels = EW_READ_U16(&geometry[2]);
    at.down = EW_READ_U16(&geometry[3]);
    at.across = EW_READ_U16(&geometry[4]);
    at.size_y = EW_READ_U16(&geometry[5]);
    at.size_x = EW_READ_U16(&geometry[6]);
    at.stride_y = EW_READ_U16(&geometry[7]);
    at.stride_x = EW_READ_U16(&geometry[8]);
    at.dilation_y = EW_READ_U16(&geometry[9]);
    at.dilation_x = EW_READ_U16(&geometry[10]);
    at.top = EW_READ_U16(&geometry[11]);
    at.left = EW_READ_U16(&geometry[12]);
    return at;
}

/* Copies the window at (down, across) to `window`; what lies outside the image is `fill`. */
static inline void ew_gather_X(
    const X_T *x, X_T *window, const ew_windows *at, uint16_t down, uint16_t across, X_T fill) {
    const int32_t first_y = (int32_t)down * at->stride_y - at->top;
    const int32_t first_x = (int32_t)across * at->stride_x - at->left;
    for (uint16_t i = 0; i < at->size_y; i++) {
        const int32_t from_y = first_y + (int32_t)i * at->dilation_y;
        for (uint16_t j = 0; j < at->size_x; j++) {
            const int32_t from_x = first_x + (int32_t)j * at->dilation_x;
            const uint8_t inside = from_y >= 0 && from_y < at->height && from_x >= 0 && from_x < at->width;
            const X_T *pixel = inside ? &x[(from_y * at->width + from_x) * at->channels] : x;
            for (uint16_t c = 0; c < at->channels; c++) *window++ = inside ? pixel[c] : fill;
        }
    }
}
