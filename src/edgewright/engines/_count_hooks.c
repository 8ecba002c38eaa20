/* SPDX-License-Identifier: MIT
   Counts the runs of one function inside unicorn: instructions of each run, by function and by call that the function makes,
   what each run costs in cycles by a table, and the deepest stack. The stack is painted, not watched: where a store under a condition is
   watched, unicorn 2.1.4 goes astray. Moves vectors in and outputs out where the harness asks for it, as its own calls take longer than
   most runs of a stream. Called at every basic block; reaches unicorn through three function pointers only. */
#include <stdint.h>
#include <string.h>

typedef struct { /* _unicorn_worker.py declares the same fields in the same order */
    int (*read_register)(void *machine, int number, void *value);
    int (*write_register)(void *machine, int number, const void *value);
    int (*stop)(void *machine);
    int32_t link_register, stack_pointer, first_argument;
    uint32_t entry;                       /* address of the function */
    uint32_t code_origin, code_slots;     /* one slot per halfword of code */
    const uint16_t *code;
    const uint16_t *function_of;          /* by slot: index of its function */
    const uint16_t *cycles_of;            /* by slot: cycles of the instruction that starts there, all 0 where unknown */
    uint16_t *block_bytes, *block_length; /* by slot: size of the block that starts there, and its instructions */
    uint16_t *block_cycles;
    uint64_t *by_call;                    /* by the slot that a call of the function returns to; after the last: calls in the tail */
    uint32_t *call_order, *called;        /* those slots in the order in which they were first returned to; which function that was */
    uint64_t *by_function;
    uint64_t *by_run, *cycles_by_run;
    uint64_t runs, finished;              /* room in by_run and cycles_by_run, runs that ended */
    uint64_t limit;                       /* instructions that one run may take */
    uint64_t current;                     /* instructions of the run under way */
    uint64_t cycles;                      /* of the run under way */
    uint64_t pending;                     /* instructions since the last return from a call */
    uint32_t long_mask, long_from;        /* an instruction has 32 bits if the masked bits of its first halfword are this or more */
    uint32_t taken;                       /* cycles of a jump beside those of the instruction */
    uint32_t own;                         /* index of the function */
    uint32_t calls, last_call;            /* how many in call_order; the last */
    uint32_t away, callee;                /* whether a called function is under way, and which */
    uint32_t following;                   /* the address after the last block */
    uint32_t open, exceeded;
    uint32_t *stack;                      /* memory from stack_origin, where the stack ends */
    uint32_t stack_origin;
    uint32_t return_address, stack_at_entry, deepest;
    uint32_t painted;                     /* whether the stack was painted as a whole */
    uint32_t exchange;                    /* address of harness_exchange */
    uint32_t input_bytes, output_bytes;   /* of a vector and what it gives, the word of the clock included */
    uint8_t *input, *output;              /* harness_input and harness_output */
    const uint8_t *vectors;               /* all of them, one behind the other */
    uint8_t *outputs;                     /* of all runs */
    uint64_t exchanges;                   /* calls of harness_exchange */
} counters;

#define PAINT UINT32_C(0x9B5CE1A7)
#define UNWRITTEN 0xA5
/* Between two runs the harness itself writes no deeper than these words below the stack pointer: the rest is painted once and read
   once, as a stream has a run a sample, and some boards have much memory. */
#define NEAR 64u

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT
#endif

static uint32_t stack_words(const counters *c) {
    return c->stack_at_entry > c->stack_origin ? (c->stack_at_entry - c->stack_origin) / 4 : 0;
}

static uint32_t near_words(const counters *c) {
    return stack_words(c) > NEAR ? stack_words(c) - NEAR : 0;
}

static void measure_block(counters *c, uint32_t first, uint32_t bytes) {
    uint32_t count = 0, cycles = 0, slot = first;
    const uint32_t end = first + bytes / 2;
    for (; slot < end && slot < c->code_slots; count++) {
        cycles += c->cycles_of[slot];
        slot += (c->code[slot] & c->long_mask) >= c->long_from ? 2 : 1;
    }
    c->block_bytes[first] = (uint16_t)bytes;
    c->block_length[first] = (uint16_t)count;
    c->block_cycles[first] = (uint16_t)cycles;
}

/* The instructions since the last return go to the call that has just returned to a slot. */
static void end_call(counters *c, uint32_t slot) {
    if (!c->by_call[slot]) {
        c->called[c->calls] = c->callee;
        c->call_order[c->calls++] = slot;
    }
    c->by_call[slot] += c->pending;
    c->pending = 0;
    c->last_call = slot;
    c->away = 0;
}

/* What harness_exchange would do by calls of semihosting; it then finds 0 in its first argument and returns. */
static void exchange(counters *c, void *machine) {
    const uint32_t served = 0;
    const uint64_t done = c->exchanges++;
    if (done > c->runs) return; /* a model has overwritten the harness: its own calls fail */
    if (done) memcpy(c->outputs + (done - 1) * c->output_bytes, c->output, c->output_bytes);
    if (done < c->runs) {
        memcpy(c->input, c->vectors + done * c->input_bytes, c->input_bytes);
        memset(c->output, UNWRITTEN, c->output_bytes);
    }
    (void)c->write_register(machine, c->first_argument, &served);
}

EXPORT void on_block(void *machine, uint64_t address, uint32_t size, void *user) {
    counters *c = user;
    const uint32_t place = (uint32_t)address;
    if (!c->open) {
        if (place == c->exchange) exchange(c, machine);
        if (place != c->entry) return;
        c->open = 1;
        c->current = c->cycles = 0;
        c->away = 0;
        c->callee = c->own;
        c->last_call = c->code_slots;
        c->following = place;
        (void)c->read_register(machine, c->link_register, &c->return_address);
        (void)c->read_register(machine, c->stack_pointer, &c->stack_at_entry);
        c->return_address &= ~(uint32_t)1;
        for (uint32_t word = c->painted ? near_words(c) : 0; word < stack_words(c); word++) c->stack[word] = PAINT;
        c->painted = 1;
    } else if (place == c->return_address) {
        c->open = 0;
        c->cycles += c->taken;
        /* What ran since the last call returned is that call's, unless it was another function, jumped to at the end. */
        end_call(c, c->away ? c->code_slots : c->last_call);
        if (c->finished < c->runs) {
            c->by_run[c->finished] = c->current;
            c->cycles_by_run[c->finished++] = c->cycles;
        }
        uint32_t word = c->finished == c->runs ? 0 : near_words(c);
        while (word < stack_words(c) && c->stack[word] == PAINT) word++;
        if (4 * (stack_words(c) - word) > c->deepest) c->deepest = 4 * (stack_words(c) - word);
        return;
    }
    const uint32_t slot = (place - c->code_origin) >> 1;
    if (slot >= c->code_slots) return;
    if (c->block_bytes[slot] != size) measure_block(c, slot, size);
    if (c->function_of[slot] == c->own) {
        if (c->away) end_call(c, slot);
    } else if (!c->away) {
        c->away = 1;
        c->callee = c->function_of[slot];
    }
    c->current += c->block_length[slot];
    c->pending += c->block_length[slot];
    c->by_function[c->function_of[slot]] += c->block_length[slot];
    c->cycles += c->block_cycles[slot] + (place != c->following ? c->taken : 0);
    c->following = place + size;
    if (c->current > c->limit) {
        c->exceeded = 1;
        (void)c->stop(machine);
    }
}
