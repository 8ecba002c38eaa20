/* y = a * b, requantised. A step of 0 repeats a single entry. y may be a or b itself. */
#include "kernel.h"

EW_KERNEL void multiply_A_B_Y_FORM(
    const A_T *a, const B_T *b, Y_T *y, uint16_t count, uint8_t a_step, uint8_t b_step,
    int16_t a_zero_point, int16_t b_zero_point, EW_FORM_PARAMETERS) {
    for (uint16_t i = 0; i < count; i++) {
        const int32_t product = ((int32_t)*a - a_zero_point) * ((int32_t)*b - b_zero_point);
        y[i] = (Y_T)EW_REQUANTISE(product, i);
        a += a_step;
        b += b_step;
    }
}
