/* FastGRNN: p = W x + U h; z = sigmoid(p + gate_bias); c = tanh(p + candidate_bias); h' = z h + (zeta (1 - z) + nu) c.
 * Numbers: zeta, nu. The slot keeps z, the array beside it c. */
#define GATES 1
#define SLOTS 1
#define BESIDE 1
#define STATES 1
#define BIASES 2
#define NUMBERS 2
#include "recurrence.h"

INLINED void forward(place at) {
    floats p = load(at.total);
    floats z = sigmoid(p + load(at.bias));
    floats c = hyperbolic_tangent(p + load(at.bias + at.width));
    floats mix = all(at.number[0]) * (all(1.0f) - z) + all(at.number[1]);
    store(at.total, z);
    store(at.beside, c);
    store(at.after, z * load(at.before) + mix * c);
}

INLINED void backward(place at, gradient *d, floats *number) {
    floats zeta = all(at.number[0]);
    floats z = load(at.total);
    floats c = load(at.beside);
    floats rest = all(1.0f) - z;
    floats d_candidate = d->state * c;
    floats d_z = d->state * (load(at.before) - zeta * c) * (z * rest);
    floats d_c = d->state * (zeta * rest + all(at.number[1])) * (all(1.0f) - c * c);
    number[0] += d_candidate * rest;
    number[1] += d_candidate;
    store(at.d_total, d_z + d_c);
    add_to(at.d_bias, d_z);
    add_to(at.d_bias + at.width, d_c);
    d->state *= z;
}
