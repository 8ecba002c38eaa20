/* tiny_selftest.c: golden vectors for tiny.c, made by Edgewright 0.1.0. This generated code belongs to you. */
#include "tiny.h"

/* Constants live in flash; AVR needs its own instruction to read them there. */
#if defined(__AVR__)
#include <avr/pgmspace.h>
#define EW_FLASH PROGMEM
#define EW_READ_I8(p) ((int8_t)pgm_read_byte(p))
#define EW_READ_U8(p) ((uint8_t)pgm_read_byte(p))
#define EW_READ_I16(p) ((int16_t)pgm_read_word(p))
#define EW_READ_U16(p) ((uint16_t)pgm_read_word(p))
#define EW_READ_I32(p) ((int32_t)pgm_read_dword(p))
#else
#define EW_FLASH
#define EW_READ_I8(p) (*(p))
#define EW_READ_U8(p) (*(p))
#define EW_READ_I16(p) (*(p))
#define EW_READ_U16(p) (*(p))
#define EW_READ_I32(p) (*(p))
#endif
#define EW_READ_NONE(p) ((int32_t)(0 * sizeof(*(p)))) /* what is 0 everywhere is not stored */

/* A kernel stays one function: smaller where it is called twice, and its instructions can be told apart. */
#if defined(__GNUC__)
#define EW_KERNEL static __attribute__((noinline))
#else
#define EW_KERNEL static
#endif

static const int16_t tiny_golden_inputs[6] EW_FLASH = {
    2831, 6731, 2707, -10675, 7417, 3657,
};

static const int16_t tiny_golden_outputs[4] EW_FLASH = {
    -9385, 13928, -4034, -14312,
};

/* Returns how many of the 2 golden vectors give other outputs than they should: 0 means PASS. */
int tiny_selftest(void);
int tiny_selftest(void) {
    static int16_t input[3];
    static int16_t output[2];
    int wrong = 0;
    for (uint16_t vector = 0; vector < 2; vector++) {
        int differs = 0;
        for (uint16_t i = 0; i < 3; i++) {
            input[i] = EW_READ_I16(&tiny_golden_inputs[(uint32_t)vector * 3u + i]);
        }
        tiny_run(input, output);
        for (uint16_t i = 0; i < 2; i++) {
            if (output[i] != EW_READ_I16(&tiny_golden_outputs[(uint32_t)vector * 2u + i])) differs = 1;
        }
        wrong += differs;
    }
    return wrong;
}

