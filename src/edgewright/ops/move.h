/* Moving values: what the emitter needs beside the operators. */
#include "kernel.h"

static inline void ew_copy_X(const X_T *from, X_T *to, uint16_t count) {
    for (uint16_t i = 0; i < count; i++) to[i] = from[i];
}

static inline void ew_fill_X(X_T value, X_T *to, uint16_t count) {
    for (uint16_t i = 0; i < count; i++) to[i] = value;
}
