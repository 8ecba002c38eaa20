/* A recurrence over whole sequences, forward and backward, for the rows first <= row < last of a batch.
 *
 * A cell defines, before it includes this file, GATES, SLOTS, BESIDE, STATES, BIASES and NUMBERS, and after it its pointwise part,
 * `forward` and `backward`. A step has SLOTS slots of `width` columns: W x lies in the first GATES of them, U h is added to the last
 * GATES. What the backward pass needs stands in their place afterwards, and in BESIDE more arrays.
 *
 * Rows do not depend on each other, so a slice of them takes all steps at once while U stays in the cache, and slices may run in
 * threads of their own. Arrays are [step][row][width], totals and their gradients [step][row][slot][width].
 */
#ifndef EDGEWRIGHT_RECURRENCE_H
#define EDGEWRIGHT_RECURRENCE_H

#include "vectors.h"

#define BEHIND (SLOTS - GATES)

/* Eight columns of one row at one step. Slot, array, state and bias number k begin k times `width`, `array`, `state` and `width`
 * floats further on. In the backward pass `total` is what the forward pass left. */
typedef struct {
    float *total;
    float *beside;
    const float *before;
    float *after;
    const float *bias;
    const float *number;
    float *d_total;
    float *d_bias;
    ptrdiff_t width, array, state;
} place;

/* The gradients of the states: those after the step come in, those before it go out, without what goes through U. */
typedef struct {
    floats state, memory;
} gradient;

/* From the totals (W x + U h, where both go) and the states before to the states after. */
static void forward(place at);

/* Write d_total and add to d_bias. number: added to, for each number. */
static void backward(place at, gradient *d, floats *number);

INLINED void add_to(float *to, floats value) { store(to, load(to) + value); }

/* totals: W x as it comes in. states: the first is given. kept: whether every step has its own memory, beside totals. recurrent
 * [width][GATES * width]: U transposed. biases [BIASES][width], numbers [NUMBERS]. */
EXPORTED void recurrence_forward(float *totals, float *beside, float *states, const float *recurrent, const float *biases,
                                 const float *numbers, int64_t steps, int64_t kept, int64_t all_rows, int64_t first, int64_t last,
                                 int64_t columns) {
    const ptrdiff_t rows = (ptrdiff_t)(last - first);
    const ptrdiff_t width = (ptrdiff_t)columns;
    const ptrdiff_t size = (ptrdiff_t)all_rows * width;
    const ptrdiff_t start = (ptrdiff_t)first * width;
    const ptrdiff_t array = kept ? (ptrdiff_t)steps * size : size;
    const ptrdiff_t state = kept ? (ptrdiff_t)(steps + 1) * size : size;
    for (ptrdiff_t step = 0; step < steps; step++) {
        const ptrdiff_t offset = start + (kept ? step * size : 0);
        float *total = totals + SLOTS * (start + step * size);
        const float *before = states + offset;
        float *after = states + offset + (kept ? size : 0);
        for (ptrdiff_t row = 0; row < rows && BEHIND; row++)
            for (ptrdiff_t column = GATES * width; column < SLOTS * width; column += LANES)
                store(total + row * SLOTS * width + column, all(0.0f));
        add_rows_times(before, width, recurrent, GATES * width, total + BEHIND * width, SLOTS * width, rows, width, GATES * width);
        for (ptrdiff_t row = 0; row < rows; row++) {
            for (ptrdiff_t column = 0; column < width; column += LANES) {
                const ptrdiff_t here = row * width + column;
                forward((place){.total = total + row * SLOTS * width + column,
                                .beside = beside + offset + here,
                                .before = before + here,
                                .after = after + here,
                                .bias = biases + column,
                                .number = numbers,
                                .width = width,
                                .array = array,
                                .state = state});
            }
        }
    }
}

/* carried [row][width]: the gradient of the last state, used up. d_states: that of every state, or a null pointer. d_memory
 * [row][width]: memory, zero. d_totals: written. recurrent [GATES * width][width]: U. Of this slice alone, the last three added to:
 * own [BIASES][width], memory; d_recurrent [GATES * width][width], d_biases [BIASES][width], d_numbers [NUMBERS]. These last are sums
 * of terms of both signs, a million of them: a float holds those of one step, a double those of all. */
EXPORTED void recurrence_backward(float *carried, const float *d_states, float *d_memory, float *d_totals, float *totals, float *beside,
                                  float *states, const float *recurrent, const float *numbers, float *own, float *d_recurrent,
                                  double *d_biases, double *d_numbers, int64_t steps, int64_t all_rows, int64_t first, int64_t last,
                                  int64_t columns) {
    const ptrdiff_t rows = (ptrdiff_t)(last - first);
    const ptrdiff_t width = (ptrdiff_t)columns;
    const ptrdiff_t size = (ptrdiff_t)all_rows * width;
    const ptrdiff_t start = (ptrdiff_t)first * width;
    doubles sums[NUMBERS + 1];
    for (int n = 0; n < NUMBERS; n++)
        sums[n] = exact(all(0.0f));
    for (ptrdiff_t step = (ptrdiff_t)steps - 1; step >= 0; step--) {
        const ptrdiff_t offset = start + step * size;
        float *d_total = d_totals + SLOTS * offset;
        for (ptrdiff_t column = 0; column < BIASES * width; column += LANES)
            store(own + column, all(0.0f));
        for (ptrdiff_t row = 0; row < rows; row++) {
            floats of_row[NUMBERS + 1];
            for (int n = 0; n < NUMBERS; n++)
                of_row[n] = all(0.0f);
            for (ptrdiff_t column = 0; column < width; column += LANES) {
                const ptrdiff_t here = row * width + column;
                const ptrdiff_t slots = row * SLOTS * width + column;
                gradient d = {load(carried + start + here), all(0.0f)};
                if (d_states)
                    d.state += load(d_states + offset + here);
                if (STATES > 1)
                    d.memory = load(d_memory + start + here);
                backward((place){.total = totals + SLOTS * offset + slots,
                                 .beside = beside + offset + here,
                                 .before = states + offset + here,
                                 .number = numbers,
                                 .d_total = d_total + slots,
                                 .d_bias = own + column,
                                 .width = width,
                                 .array = (ptrdiff_t)steps * size,
                                 .state = (ptrdiff_t)(steps + 1) * size},
                         &d, of_row);
                store(carried + start + here, d.state);
                if (STATES > 1)
                    store(d_memory + start + here, d.memory);
            }
            for (int n = 0; n < NUMBERS; n++)
                sums[n] += exact(of_row[n]);
        }
        for (ptrdiff_t column = 0; column < BIASES * width; column++)
            d_biases[column] += (double)own[column];
        const float *through = d_total + BEHIND * width;
        add_rows_times(through, SLOTS * width, recurrent, width, carried + start, width, rows, GATES * width, width);
        add_transposed_times(through, SLOTS * width, states + offset, width, d_recurrent, width, GATES * width, rows, width);
    }
    for (int n = 0; n < NUMBERS; n++)
        d_numbers[n] += sum_of(sums[n]);
}

#endif
