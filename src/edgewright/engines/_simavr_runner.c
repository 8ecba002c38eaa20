/* Runs vectors through a model on an AVR in libsimavr and counts what the simavr program does not: exact cycles and instructions of
   each run of one function, instructions by address, the deepest stack. Stops when the stack reaches static data, which the
   processor itself would not notice.

   runner MCU CLOCK FLASH VECTORS OUTPUTS COUNTS PROFILE CALLS ready entry entry_end model input output static_end limit
   FLASH: the program as raw bytes from address 0. The rest after CALLS: numbers. OUTPUTS: the outputs of each vector. COUNTS:
   instructions and cycles of each vector, uint64. PROFILE: runs of each word of flash, uint64. CALLS: for each call in the code of the
   function, in the order in which they are first made, the address called and the instructions, uint64. Prints one line:
   "done STACK" or "KIND PC VECTOR STACK_POINTER" with KIND stack, limit or crashed. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <simavr/sim_avr.h>

#define IO_STACK_LOW 0x3D
#define IO_STACK_HIGH 0x3E
#define UNWRITTEN 0xA5

enum { MCU = 1, CLOCK, FLASH, VECTORS, OUTPUTS, COUNTS, PROFILE, CALLS, READY, ENTRY, ENTRY_END, MODEL, INPUT, OUTPUT, STATIC_END, LIMIT, ARGUMENTS };

static void log_errors(avr_t *avr, const int level, const char *format, va_list arguments) {
    (void)avr;
    if (level <= LOG_ERROR) vfprintf(stderr, format, arguments);
}

static int failed(const char *what) {
    fprintf(stderr, "runner: %s\n", what);
    return 3;
}

static uint8_t *read_whole(const char *path, uint32_t *bytes) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END)) return NULL;
    const long size = ftell(file);
    uint8_t *data = malloc((size_t)size + 1);
    rewind(file);
    if (!data || fread(data, 1, (size_t)size, file) != (size_t)size) return NULL;
    fclose(file);
    *bytes = (uint32_t)size;
    return data;
}

static int stack_pointer(const avr_t *avr) {
    return avr->data[R_SPL] | avr->data[R_SPH] << 8;
}

/* The two halves of the stack pointer are written one after the other, high first; in between it points anywhere. */
static int is_half_written(const avr_t *avr, uint32_t pc, int half_written) {
    const unsigned opcode = avr->flash[pc] | (unsigned)avr->flash[pc + 1] << 8;
    if ((opcode & 0xF800u) != 0xB800u) return half_written; /* not an `out` */
    const unsigned target = (opcode >> 5 & 0x30u) | (opcode & 0x0Fu);
    return target == IO_STACK_HIGH ? 1 : target == IO_STACK_LOW ? 0 : half_written;
}

typedef struct {
    uint64_t called, instructions;
    uint32_t place; /* that the call returns to, 0 for one in the tail */
} call;

/* The instructions since the last return go to the call that has just returned to a place. */
static int end_call(call *calls, int known, uint32_t place, uint32_t called, uint64_t instructions) {
    int k = 0;
    while (k < known && calls[k].place != place) k++;
    if (k == known) calls[k] = (call){called, 0, place};
    calls[k].instructions += instructions;
    return k == known ? known + 1 : known;
}

int main(int argc, char **argv) {
    if (argc != ARGUMENTS) return failed("wrong number of arguments");
    uint32_t place[ARGUMENTS], flash_bytes, vector_bytes, header[4]; /* model, vectors, bytes of the inputs, bytes of the outputs */
    for (int k = READY; k < ARGUMENTS; k++) place[k] = (uint32_t)strtoul(argv[k], NULL, 0);
    uint8_t *flash = read_whole(argv[FLASH], &flash_bytes), *vectors = read_whole(argv[VECTORS], &vector_bytes);
    FILE *outputs = fopen(argv[OUTPUTS], "wb"), *counts = fopen(argv[COUNTS], "wb"), *profile = fopen(argv[PROFILE], "wb");
    if (!flash || !vectors || !outputs || !counts || !profile) return failed("cannot open the files");
    memcpy(header, vectors, sizeof header);

    avr_global_logger_set(log_errors);
    avr_t *avr = avr_make_mcu_by_name(argv[MCU]);
    if (!avr) return failed("libsimavr does not know this microcontroller");
    avr_init(avr);
    avr->frequency = (uint32_t)strtoul(argv[CLOCK], NULL, 0);
    avr->run_cycle_limit = 1; /* one instruction a step */
    avr_loadcode(avr, flash, flash_bytes, 0);
    avr->codeend = flash_bytes;
    uint64_t *runs_at = calloc(avr->flashend / 2 + 1, sizeof *runs_at);
    call *calls = calloc(avr->flashend / 2 + 1, sizeof *calls);
    if (!runs_at || !calls) return failed("no memory");

    uint32_t fed = 0, return_address = 0;
    uint64_t record[2] = {0, 0}; /* instructions, cycles */
    avr_cycle_count_t begin = 0;
    uint64_t pending = 0; /* instructions since the last return from a call */
    uint32_t called = 0, last_place = 0;
    int known = 0, away = 0;
    int open = 0, half_written = 0, entry_stack = 0, lowest = 0, deepest = 0;
    const char *fault = NULL;
    for (;;) {
        const uint32_t pc = avr->pc;
        if (pc == place[READY] && !open) {
            if (fed) {
                fwrite(avr->data + place[OUTPUT], 1, header[3], outputs);
                fwrite(record, sizeof record, 1, counts);
            }
            if (fed == header[1]) break;
            avr->data[place[MODEL]] = (uint8_t)header[0];
            memcpy(avr->data + place[INPUT], vectors + sizeof header + (size_t)fed * header[2], header[2]);
            memset(avr->data + place[OUTPUT], UNWRITTEN, header[3]);
            fed++;
        } else if (pc == place[ENTRY] && !open) {
            open = 1;
            entry_stack = lowest = stack_pointer(avr);
            return_address = (uint32_t)(avr->data[entry_stack + 1] << 8 | avr->data[entry_stack + 2]) * 2;
            begin = avr->cycle;
            record[0] = pending = 0;
            away = 0;
            last_place = 0;
            called = pc;
        } else if (open && pc == return_address && stack_pointer(avr) == entry_stack + 2) {
            open = 0;
            record[1] = avr->cycle - begin;
            /* What ran since the last call returned is that call's, unless it was another function, jumped to at the end. */
            known = end_call(calls, known, away ? 0 : last_place, called, pending);
            if (entry_stack + 2 - lowest > deepest) deepest = entry_stack + 2 - lowest; /* with the return address */
        }
        if (open) {
            runs_at[pc / 2]++;
            if (pc < place[ENTRY] || pc >= place[ENTRY_END]) {
                if (!away) called = pc;
                away = 1;
            } else if (away) {
                known = end_call(calls, known, pc, called, pending);
                pending = 0;
                last_place = pc;
                away = 0;
            }
            pending++;
            if (++record[0] > place[LIMIT]) fault = "limit";
        }
        half_written = is_half_written(avr, pc, half_written);
        const int state = avr_run(avr);
        /* a jump may have left the flash */
        if (state == cpu_Done || state == cpu_Crashed || avr->pc >= avr->flashend) fault = "crashed";
        if (fed && !half_written) {
            const int stack = stack_pointer(avr);
            if (open && stack < lowest) lowest = stack;
            if (stack + 1 < (int)place[STATIC_END]) fault = "stack";
        }
        if (fault) {
            printf("%s %u %u %d\n", fault, (unsigned)pc, (unsigned)(fed ? fed - 1 : 0), stack_pointer(avr));
            return 0;
        }
    }
    fwrite(runs_at, sizeof *runs_at, avr->flashend / 2 + 1, profile);
    FILE *by_call = fopen(argv[CALLS], "wb");
    if (!by_call) return failed("cannot open the files");
    for (int k = 0; k < known; k++) fwrite(&calls[k], sizeof(uint64_t), 2, by_call);
    printf("done %d\n", deepest);
    return fclose(by_call) || fclose(outputs) || fclose(counts) || fclose(profile) ? failed("cannot write") : 0;
}
