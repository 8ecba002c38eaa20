/* tiny.h: made by Edgewright 0.1.0. This generated code belongs to you: use it under any terms you like.
   tiny: graph b608bf09c1809e2a, 342 bytes of constants, 4 bytes of working memory.
   Not reentrant: each model works in static memory. */
#ifndef TINY_H
#define TINY_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* input: real = scale * (integer - zero point); scale 2^-12, integers -32768..32767 */
#define TINY_INPUT_SIZE 3
#define TINY_INPUT_ZERO_POINT 0
#define TINY_INPUT_SCALE 0.000244140625
/* output: real = scale * (integer - zero point); scale 2^-13, integers -32768..32767 */
#define TINY_OUTPUT_SIZE 2
#define TINY_OUTPUT_ZERO_POINT 0
#define TINY_OUTPUT_SCALE 0.0001220703125
#define TINY_ARENA_BYTES 4
#define TINY_CLASSES 2
#define TINY_LABELS { "no", "yes" }

/* Runs the model once. */
void tiny_run(const int16_t *input, int16_t *output);

/* Returns the index of the class with the highest score, the first of equals. */
int tiny_predict(const int16_t *input);

#ifdef __cplusplus
}
#endif

#endif
