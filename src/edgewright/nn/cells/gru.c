/* GRU: r = sigmoid(W x + U h + reset_bias); z = sigmoid(W x + U h + update_bias); q = U h + hidden_bias;
 * c = tanh(W x + candidate_bias + r q); h' = z h + (1 - z) c. Slots: c, r, z, q; biases: r, z, c, q. */
#define GATES 3
#define SLOTS 4
#define BESIDE 0
#define STATES 1
#define BIASES 4
#define NUMBERS 0
#include "recurrence.h"

INLINED void forward(place at) {
    floats r = sigmoid(load(at.total + at.width) + load(at.bias));
    floats z = sigmoid(load(at.total + 2 * at.width) + load(at.bias + at.width));
    floats q = load(at.total + 3 * at.width) + load(at.bias + 3 * at.width);
    floats c = hyperbolic_tangent(load(at.total) + load(at.bias + 2 * at.width) + r * q);
    store(at.total, c);
    store(at.total + at.width, r);
    store(at.total + 2 * at.width, z);
    store(at.total + 3 * at.width, q);
    store(at.after, c + z * (load(at.before) - c));
}

INLINED void backward(place at, gradient *d, floats *number) {
    (void)number;
    floats c = load(at.total);
    floats r = load(at.total + at.width);
    floats z = load(at.total + 2 * at.width);
    floats rest = all(1.0f) - z;
    floats d_z = d->state * (load(at.before) - c) * (z * rest);
    floats d_c = d->state * rest * (all(1.0f) - c * c);
    floats d_q = d_c * r;
    floats d_r = d_q * load(at.total + 3 * at.width) * (all(1.0f) - r);
    store(at.d_total, d_c);
    store(at.d_total + at.width, d_r);
    store(at.d_total + 2 * at.width, d_z);
    store(at.d_total + 3 * at.width, d_q);
    add_to(at.d_bias, d_r);
    add_to(at.d_bias + at.width, d_z);
    add_to(at.d_bias + 2 * at.width, d_c);
    add_to(at.d_bias + 3 * at.width, d_q);
    d->state *= z;
}
