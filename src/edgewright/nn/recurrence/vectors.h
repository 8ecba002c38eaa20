/* Eight floats at a time, the functions of a cell on them, and the matrix product of one step.
 *
 * Only the vector extensions of GCC and clang are used, so that one text becomes AVX2, SSE2 or NEON code by its flags. It must not
 * be compiled with -ffast-math, which may cancel the rounding in `exponential` and lose what is not a number.
 *
 * Matrices are row-major; a multiple of LANES of their columns is used, the padding zero.
 */
#ifndef EDGEWRIGHT_VECTORS_H
#define EDGEWRIGHT_VECTORS_H

#include <stddef.h>
#include <stdint.h>

#define LANES 8
#define UNROLLED 4

#if defined(_WIN32)
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED __attribute__((visibility("default")))
#endif
#define INLINED static inline __attribute__((always_inline))

/* aligned(4): any address of a float may be loaded. */
typedef float floats __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef double doubles __attribute__((vector_size(8 * LANES), aligned(8)));
typedef uint32_t integers __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

INLINED floats all(float value) { return (floats){value, value, value, value, value, value, value, value}; }

INLINED floats load(const float *from) { return *(const floats *)from; }

INLINED void store(float *to, floats value) { *(floats *)to = value; }

INLINED floats chosen(integers condition, floats yes, floats no) {
    return (floats)(((integers)yes & condition) | ((integers)no & ~condition));
}

/* x cut to [-limit, limit]; what is not a number stays so. */
INLINED floats within(floats x, float limit) {
    x = chosen((integers)(x < all(-limit)), all(-limit), x);
    return chosen((integers)(x > all(limit)), all(limit), x);
}

INLINED doubles exact(floats x) { return __builtin_convertvector(x, doubles); }

INLINED double sum_of(doubles x) {
    double sum = 0.0;
    for (int lane = 0; lane < LANES; lane++)
        sum += x[lane];
    return sum;
}

/* e^x for x cut to [-87, 87], with a relative error of about 2e-7.
 *
 * x = n ln 2 + r with |r| <= ln 2 / 2. Adding 1.5 * 2^23 rounds to n and leaves it in the low bits of the sum; 23 bits further up it
 * is an exponent. e^r = 1 + r + r^2 q(r), q from Chebyshev interpolation. */
INLINED floats exponential(floats x) {
    const float rounder = 12582912.0f;
    const float ln2_high = 0.693145751953125f; /* 15 bits, so that n * ln2_high is exact */
    const float ln2_low = 1.4286068203e-6f;
    x = within(x, 87.0f);
    floats sum = x * all(1.44269504f) + all(rounder);
    floats n = sum - all(rounder);
    floats r = x - n * all(ln2_high);
    r = r - n * all(ln2_low);
    floats q = all(1.392621347e-03f);
    q = q * r + all(8.363202972e-03f);
    q = q * r + all(4.166655444e-02f);
    q = q * r + all(1.666657685e-01f);
    q = q * r + all(0.5f);
    floats power = (q * r) * r + r;
    power = power + all(1.0f);
    return power * (floats)(((integers)sum << 23) + 0x3F800000u);
}

INLINED floats sigmoid(floats x) { return all(1.0f) / (all(1.0f) + exponential(-x)); }

INLINED floats hyperbolic_tangent(floats x) {
    return all(2.0f) / (all(1.0f) + exponential(all(-2.0f) * x)) - all(1.0f);
}

/* A matrix read row by row or, for its transpose, column by column: the entry of row r and column k is at[r * row + k * column]. */
typedef struct {
    const float *at;
    ptrdiff_t row, column;
} matrix;

/* The products of one column of `left`, `rows` of it, and one row of `right`. */
INLINED void add_outer(floats sum[6][3], matrix left, const float *right, const int rows, const int vectors) {
    floats across[3];
    for (int v = 0; v < vectors; v++)
        across[v] = load(right + v * LANES);
    for (int r = 0; r < rows; r++) {
        floats down = all(left.at[r * left.row]);
        for (int v = 0; v < vectors; v++)
            sum[r][v] += down * across[v];
    }
}

/* out += left right for a tile of `rows` by `vectors` vectors, whose sums stay in registers: both are constants of each call. */
INLINED void add_tile(matrix left, const float *right, ptrdiff_t right_row, float *out, ptrdiff_t out_row, ptrdiff_t depth,
                      const int rows, const int vectors) {
    floats sum[6][3];
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            sum[r][v] = all(0.0f);
    for (; depth >= UNROLLED; depth -= UNROLLED) {
        for (int u = 0; u < UNROLLED; u++)
            add_outer(sum, (matrix){left.at + u * left.column, left.row, left.column}, right + u * right_row, rows, vectors);
        left.at += UNROLLED * left.column;
        right += UNROLLED * right_row;
    }
    for (; depth > 0; depth--, left.at += left.column, right += right_row)
        add_outer(sum, left, right, rows, vectors);
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            store(out + r * out_row + v * LANES, load(out + r * out_row + v * LANES) + sum[r][v]);
}

/* Tiles of `tile` rows, as many as fit, and one of what is left. Twelve sums fill the sixteen wide registers best. */
INLINED void add_columns(matrix left, const float *right, ptrdiff_t right_row, float *out, ptrdiff_t out_row, ptrdiff_t rows,
                         ptrdiff_t depth, const int tile, const int vectors) {
    for (; rows >= tile; rows -= tile, left.at += tile * left.row, out += tile * out_row)
        add_tile(left, right, right_row, out, out_row, depth, tile, vectors);
    switch (rows) {
    case 5: add_tile(left, right, right_row, out, out_row, depth, 5, vectors); break;
    case 4: add_tile(left, right, right_row, out, out_row, depth, 4, vectors); break;
    case 3: add_tile(left, right, right_row, out, out_row, depth, 3, vectors); break;
    case 2: add_tile(left, right, right_row, out, out_row, depth, 2, vectors); break;
    case 1: add_tile(left, right, right_row, out, out_row, depth, 1, vectors); break;
    default: break;
    }
}

/* out[rows][columns] += left[rows][depth] right[depth][columns]; the rows of right and out lie so many floats apart. */
INLINED void add_product(matrix left, const float *right, ptrdiff_t right_row, float *out, ptrdiff_t out_row, ptrdiff_t rows,
                         ptrdiff_t depth, ptrdiff_t columns) {
    ptrdiff_t column = 0;
    if (columns == LANES) {
        add_columns(left, right, right_row, out, out_row, rows, depth, 6, 1);
        return;
    }
    if (columns / LANES % 2) {
        add_columns(left, right, right_row, out, out_row, rows, depth, 4, 3);
        column = 3 * LANES;
    }
    for (; column < columns; column += 2 * LANES)
        add_columns(left, right + column, right_row, out + column, out_row, rows, depth, 6, 2);
}

/* The same for a matrix whose rows lie so many floats apart. */
static __attribute__((noinline)) void add_rows_times(const float *left, ptrdiff_t left_row, const float *right,
                                                     ptrdiff_t right_row, float *out, ptrdiff_t out_row, ptrdiff_t rows,
                                                     ptrdiff_t depth, ptrdiff_t columns) {
    add_product((matrix){left, left_row, 1}, right, right_row, out, out_row, rows, depth, columns);
}

/* out[rows][columns] += the transpose of left[depth][rows], times right[depth][columns] */
static __attribute__((noinline)) void add_transposed_times(const float *left, ptrdiff_t left_row, const float *right,
                                                           ptrdiff_t right_row, float *out, ptrdiff_t out_row, ptrdiff_t rows,
                                                           ptrdiff_t depth, ptrdiff_t columns) {
    add_product((matrix){left, 1, left_row}, right, right_row, out, out_row, rows, depth, columns);
}

#endif
