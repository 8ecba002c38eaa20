/* sequence.h: made by Edgewright 0.1.0. This generated code belongs to you: use it under any terms you like.
   sequence: graph 27f77d4a6300dd21, 324 bytes of constants, 12 bytes of working memory.
   Not reentrant: each model works in static memory. */
#ifndef SEQUENCE_H
#define SEQUENCE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* input: real = scale * (integer - zero point); scale 2^-12, integers -32768..32767 */
#define SEQUENCE_INPUT_SIZE 12
#define SEQUENCE_INPUT_ZERO_POINT 0
#define SEQUENCE_INPUT_SCALE 0.000244140625
/* output: real = scale * (integer - zero point); scale 2^-14, integers -32768..32767 */
#define SEQUENCE_OUTPUT_SIZE 2
#define SEQUENCE_OUTPUT_ZERO_POINT 0
#define SEQUENCE_OUTPUT_SCALE 6.103515625e-05
#define SEQUENCE_ARENA_BYTES 12

/* Runs the model once. */
void sequence_run(const int16_t *input, int16_t *output);

#ifdef __cplusplus
}
#endif

#endif
