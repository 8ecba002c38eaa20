/* y[0] = where the longest run of a channel above (below) `limit` begins, the first of equals; y[1] = its length. Runs shorter than
   `least` do not count; where there is none, -1 and 0. */
#include "kernel.h"

EW_KERNEL void longest_run_above_X(
    const X_T *x, int16_t *y, uint16_t steps, uint16_t channels, uint16_t channel, int32_t limit, uint16_t least) {
    uint16_t best = (uint16_t)(least - 1), run = 0, entry = channel;
    y[0] = -1;
    y[1] = 0;
    for (uint16_t i = 0; i < steps; i++) {
        run = (int32_t)x[entry] > limit ? (uint16_t)(run + 1) : 0;
        if (run > best) {
            best = run;
            y[0] = (int16_t)(i + 1 - run);
            y[1] = (int16_t)run;
        }
        entry = (uint16_t)(entry + channels);
    }
}

EW_KERNEL void longest_run_below_X(
    const X_T *x, int16_t *y, uint16_t steps, uint16_t channels, uint16_t channel, int32_t limit, uint16_t least) {
    uint16_t best = (uint16_t)(least - 1), run = 0, entry = channel;
    y[0] = -1;
    y[1] = 0;
    for (uint16_t i = 0; i < steps; i++) {
        run = (int32_t)x[entry] < limit ? (uint16_t)(run + 1) : 0;
        if (run > best) {
            best = run;
            y[0] = (int16_t)(i + 1 - run);
            y[1] = (int16_t)run;
        }
        entry = (uint16_t)(entry + channels);
    }
}
