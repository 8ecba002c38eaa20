/* y = x with entries of `fill` around it. geometry: the three sizes of x, the entries before each, the entries behind each. */
#include "kernel.h"

EW_KERNEL void pad_X(const X_T *x, X_T *y, const uint16_t *geometry, int16_t fill) {
    const uint16_t planes = EW_READ_U16(&geometry[0]), rows = EW_READ_U16(&geometry[1]);
    const uint16_t count = EW_READ_U16(&geometry[2]);
    const int32_t first_plane = EW_READ_U16(&geometry[3]), first_row = EW_READ_U16(&geometry[4]);
    const int32_t before = EW_READ_U16(&geometry[5]);
    const int32_t all_planes = first_plane + planes + EW_READ_U16(&geometry[6]);
    const int32_t all_rows = first_row + rows + EW_READ_U16(&geometry[7]);
    const int32_t behind = EW_READ_U16(&geometry[8]);
    for (int32_t p = 0; p < all_planes; p++) {
        const uint8_t plane_inside = p >= first_plane && p < first_plane + planes;
        for (int32_t r = 0; r < all_rows; r++) {
            const uint8_t inside = plane_inside && r >= first_row && r < first_row + rows;
            for (int32_t i = 0; i < before; i++) *y++ = (X_T)fill;
            for (uint16_t i = 0; i < count; i++) *y++ = inside ? *x++ : (X_T)fill;
            for (int32_t i = 0; i < behind; i++) *y++ = (X_T)fill;
        }
    }
}
