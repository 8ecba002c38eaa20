/* FastGRNN over whole sequences, forward and backward, for the rows first <= row < last of a batch:
 *
 *     p = W x + U h;  z = sigmoid(p + gate_bias);  c = tanh(p + candidate_bias);  h' = z h + (zeta (1 - z) + nu) c
 *
 * Rows do not depend on each other, so a slice of them takes all steps at once while U stays in the cache, and slices may run in
 * threads of their own. Arrays are [step][row][width]; a stride is how many floats further the next step lies, 0 where each step
 * takes the place of the one before.
 */
#include "vectors.h"

/* gate: W x as it comes in, z as it goes out. candidate: written, c. state: steps + 1 of them, the first is given; both lie
 * kept_stride apart. recurrent: U transposed. */
EXPORTED void fastgrnn_forward(float *gate, float *candidate, float *state, const float *recurrent, const float *gate_bias,
                               const float *candidate_bias, float zeta, float nu, int64_t steps, int64_t stride,
                               int64_t kept_stride, int64_t first, int64_t last, int64_t width) {
    const ptrdiff_t rows = (ptrdiff_t)(last - first);
    for (int64_t step = 0; step < steps; step++) {
        float *z_rows = gate + step * stride + first * width;
        float *c_rows = candidate + step * kept_stride + first * width;
        const float *before = state + step * kept_stride + first * width;
        float *after = state + (step + 1) * kept_stride + first * width;
        add_rows_times(before, recurrent, z_rows, rows, (ptrdiff_t)width);
        for (ptrdiff_t row = 0; row < rows; row++) {
            for (ptrdiff_t column = 0; column < width; column += LANES) {
                const ptrdiff_t here = row * (ptrdiff_t)width + column;
                floats p = load(z_rows + here);
                floats z = sigmoid(p + load(gate_bias + column));
                floats c = hyperbolic_tangent(p + load(candidate_bias + column));
                floats mix = all(zeta) * (all(1.0f) - z) + all(nu);
                store(z_rows + here, z);
                store(c_rows + here, c);
                store(after + here, z * load(before + here) + mix * c);
            }
        }
    }
}

/* carried [row][width]: the gradient of the last state, used up. d_states: that of every state, or a null pointer.
 * d_product: written, the gradient of p. recurrent: U. Of this slice alone, the last three added to: own [2][width], memory;
 * d_recurrent [width][width], the gradient of U; d_biases [2][width], of the gate's bias and the candidate's; d_scalars [2], of zeta and
 * nu. These last are sums of terms of both signs, a million of them: a float holds those of one step, a double those of all. */
EXPORTED void fastgrnn_backward(float *carried, const float *d_states, float *d_product, const float *gate, const float *candidate,
                                const float *state, const float *recurrent, float zeta, float nu, float *own, float *d_recurrent, double *d_biases, double *d_scalars,
                                int64_t steps, int64_t stride, int64_t first, int64_t last, int64_t width) {
    const ptrdiff_t rows = (ptrdiff_t)(last - first);
    float *d_rows = carried + first * width;
    float *own_gate = own;
    float *own_candidate = own + width;
    doubles sum_zeta = exact(all(0.0f));
    doubles sum_nu = exact(all(0.0f));
    for (int64_t step = steps - 1; step >= 0; step--) {
        const ptrdiff_t offset = (ptrdiff_t)(step * stride + first * width);
        for (ptrdiff_t column = 0; column < 2 * (ptrdiff_t)width; column += LANES)
            store(own + column, all(0.0f));
        for (ptrdiff_t row = 0; row < rows; row++) {
            floats d_zeta = all(0.0f);
            floats d_nu = all(0.0f);
            for (ptrdiff_t column = 0; column < width; column += LANES) {
                const ptrdiff_t in_slice = row * (ptrdiff_t)width + column;
                const ptrdiff_t here = offset + in_slice;
                floats d = load(d_rows + in_slice);
                if (d_states)
                    d += load(d_states + here);
                floats z = load(gate + here);
                floats c = load(candidate + here);
                floats rest = all(1.0f) - z;
                floats d_candidate = d * c;
                floats d_z = d * (load(state + here) - all(zeta) * c) * (z * rest);
                floats d_c = d * (all(zeta) * rest + all(nu)) * (all(1.0f) - c * c);
                d_zeta += d_candidate * rest;
                d_nu += d_candidate;
                store(d_product + here, d_z + d_c);
                store(d_rows + in_slice, d * z);
                store(own_gate + column, load(own_gate + column) + d_z);
                store(own_candidate + column, load(own_candidate + column) + d_c);
            }
            sum_zeta += exact(d_zeta);
            sum_nu += exact(d_nu);
        }
        for (ptrdiff_t column = 0; column < 2 * (ptrdiff_t)width; column++)
            d_biases[column] += (double)own[column];
        add_rows_times(d_product + offset, recurrent, d_rows, rows, (ptrdiff_t)width);
        add_transposed_times(d_product + offset, state + offset, d_recurrent, rows, (ptrdiff_t)width);
    }
    d_scalars[0] += sum_of(sum_zeta);
    d_scalars[1] += sum_of(sum_nu);
}
