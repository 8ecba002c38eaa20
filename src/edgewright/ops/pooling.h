/* What a window and the image [height, width, channels] have in common. */
#include "windows.h"

/* `first`: the entry of x where the common part begins, in the first channel. */
typedef struct {
    uint32_t first;
    uint16_t rows, columns;
} ew_overlap;

/* The common part of the image and the window at (down, across), which is never empty; dilations are 1. */
static inline ew_overlap ew_overlap_at(const ew_windows *at, uint16_t down, uint16_t across) {
    const int32_t first_y = (int32_t)down * at->stride_y - at->top;
    const int32_t first_x = (int32_t)across * at->stride_x - at->left;
    const int32_t from_y = first_y < 0 ? 0 : first_y;
    const int32_t from_x = first_x < 0 ? 0 : first_x;
    const int32_t last_y = first_y + at->size_y;
    const int32_t last_x = first_x + at->size_x;
    ew_overlap on;
    on.first = (uint32_t)((from_y * at->width + from_x) * at->channels);
    on.rows = (uint16_t)((last_y < at->height ? last_y : at->height) - from_y);
    on.columns = (uint16_t)((last_x < at->width ? last_x : at->width) - from_x);
    return on;
}
