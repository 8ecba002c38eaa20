/* UGRNN: z = sigmoid(W x + U h + gate_bias); c = tanh(W x + U h + candidate_bias); h' = z h + (1 - z) c. Slots: z, c. */
#define GATES 2
#define SLOTS 2
#define BESIDE 0
#define STATES 1
#define BIASES 2
#define NUMBERS 0
#include "recurrence.h"

INLINED void forward(place at) {
    floats z = sigmoid(load(at.total) + load(at.bias));
    floats c = hyperbolic_tangent(load(at.total + at.width) + load(at.bias + at.width));
    store(at.total, z);
    store(at.total + at.width, c);
    store(at.after, c + z * (load(at.before) - c));
}

INLINED void backward(place at, gradient *d, floats *number) {
    (void)number;
    floats z = load(at.total);
    floats c = load(at.total + at.width);
    floats rest = all(1.0f) - z;
    floats d_z = d->state * (load(at.before) - c) * (z * rest);
    floats d_c = d->state * rest * (all(1.0f) - c * c);
    store(at.d_total, d_z);
    store(at.d_total + at.width, d_c);
    add_to(at.d_bias, d_z);
    add_to(at.d_bias + at.width, d_c);
    d->state *= z;
}
