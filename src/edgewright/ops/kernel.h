/* For reading, linting and compiling a kernel's file by itself: one choice of the types that the emitter fills in. */
#ifndef EDGEWRIGHT_KERNEL_H
#define EDGEWRIGHT_KERNEL_H

#include "arithmetic.h"

#define A_T int8_t
#define B_T int16_t
#define BIAS_T int32_t
#define COUNTS_T uint8_t
#define X_T int8_t
#define Y_T int16_t
#define EW_FORM_PARAMETERS int8_t shift, int32_t zero_point, int32_t lowest, int32_t highest
#define EW_FORM_ARGUMENTS shift, zero_point, lowest, highest
#define EW_REQUANTISE(sum, row) ew_clip(ew_shift(sum, shift) + zero_point, lowest, highest)
#define EW_READ_BIAS EW_READ_I32
#define EW_READ_COUNTS EW_READ_U8

#endif
