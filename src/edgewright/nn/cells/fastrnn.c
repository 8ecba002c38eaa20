/* FastRNN: c = tanh(W x + U h + bias); h' = beta h + alpha c. Numbers: alpha, beta. */
#define GATES 1
#define SLOTS 1
#define BESIDE 0
#define STATES 1
#define BIASES 1
#define NUMBERS 2
#include "recurrence.h"

INLINED void forward(place at) {
    floats c = hyperbolic_tangent(load(at.total) + load(at.bias));
    store(at.total, c);
    store(at.after, all(at.number[1]) * load(at.before) + all(at.number[0]) * c);
}

INLINED void backward(place at, gradient *d, floats *number) {
    floats c = load(at.total);
    floats d_c = d->state * all(at.number[0]) * (all(1.0f) - c * c);
    number[0] += d->state * c;
    number[1] += d->state * load(at.before);
    store(at.d_total, d_c);
    add_to(at.d_bias, d_c);
    d->state *= all(at.number[1]);
}
