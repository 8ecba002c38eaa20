/* LSTM: i, f, o = sigmoid(W x + U h + input_bias, forget_bias, output_bias); c = tanh(W x + U h + candidate_bias);
 * m' = f m + i c; h' = o tanh(m'). Slots and biases: i, f, c, o; the array beside them keeps tanh(m'). */
#define GATES 4
#define SLOTS 4
#define BESIDE 1
#define STATES 2
#define BIASES 4
#define NUMBERS 0
#include "recurrence.h"

INLINED void forward(place at) {
    floats i = sigmoid(load(at.total) + load(at.bias));
    floats f = sigmoid(load(at.total + at.width) + load(at.bias + at.width));
    floats c = hyperbolic_tangent(load(at.total + 2 * at.width) + load(at.bias + 2 * at.width));
    floats o = sigmoid(load(at.total + 3 * at.width) + load(at.bias + 3 * at.width));
    floats memory = f * load(at.before + at.state) + i * c;
    floats shown = hyperbolic_tangent(memory);
    store(at.total, i);
    store(at.total + at.width, f);
    store(at.total + 2 * at.width, c);
    store(at.total + 3 * at.width, o);
    store(at.beside, shown);
    store(at.after + at.state, memory);
    store(at.after, o * shown);
}

INLINED void backward(place at, gradient *d, floats *number) {
    (void)number;
    const floats one = all(1.0f);
    floats i = load(at.total);
    floats f = load(at.total + at.width);
    floats c = load(at.total + 2 * at.width);
    floats o = load(at.total + 3 * at.width);
    floats shown = load(at.beside);
    floats d_memory = d->memory + d->state * o * (one - shown * shown);
    floats d_i = d_memory * c * (i * (one - i));
    floats d_f = d_memory * load(at.before + at.state) * (f * (one - f));
    floats d_c = d_memory * i * (one - c * c);
    floats d_o = d->state * shown * (o * (one - o));
    store(at.d_total, d_i);
    store(at.d_total + at.width, d_f);
    store(at.d_total + 2 * at.width, d_c);
    store(at.d_total + 3 * at.width, d_o);
    add_to(at.d_bias, d_i);
    add_to(at.d_bias + at.width, d_f);
    add_to(at.d_bias + 2 * at.width, d_c);
    add_to(at.d_bias + 3 * at.width, d_o);
    d->state = all(0.0f);
    d->memory = d_memory * f;
}
