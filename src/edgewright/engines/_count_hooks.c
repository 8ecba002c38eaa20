/* SPDX-License-Identifier: MIT
   Counts the runs of one function inside unicorn: instructions of each run and by function, and the deepest stack.
   Called by unicorn at every basic block and memory write; reaches it through two function pointers only. */
#include <stdint.h>

typedef struct { /* _unicorn_worker.py declares the same fields in the same order */
    int (*read_register)(void *machine, int number, void *value);
    int (*stop)(void *machine);
    int32_t link_register, stack_pointer;
    uint32_t entry;                       /* address of the function */
    uint32_t code_origin, code_slots;     /* one slot per halfword of code */
    const uint16_t *code;
    const uint16_t *function_of;          /* by slot: index of its function */
    uint16_t *block_bytes, *block_length; /* by slot: size of the block that starts there, and its instructions */
    uint64_t *by_function;
    uint64_t *by_run;
    uint64_t runs, finished;              /* room in by_run, runs that ended */
    uint64_t limit;                       /* instructions that one run may take */
    uint64_t current;                     /* instructions of the run under way */
    uint32_t open, exceeded;
    uint32_t return_address, stack_at_entry, lowest_write, deepest;
} counters;

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT
#endif

/* A Thumb instruction has 32 bits if the top five bits of its first halfword are 11101 or more. */
static uint16_t count_instructions(const counters *c, uint32_t slot, uint32_t bytes) {
    uint16_t count = 0;
    for (uint32_t end = slot + bytes / 2; slot < end && slot < c->code_slots; count++) slot += c->code[slot] >> 11 >= 0x1D ? 2 : 1;
    return count;
}

EXPORT void on_block(void *machine, uint64_t address, uint32_t size, void *user) {
    counters *c = user;
    const uint32_t place = (uint32_t)address;
    if (!c->open) {
        if (place != c->entry) return;
        c->open = 1;
        c->current = 0;
        (void)c->read_register(machine, c->link_register, &c->return_address);
        (void)c->read_register(machine, c->stack_pointer, &c->stack_at_entry);
        c->return_address &= ~(uint32_t)1;
        c->lowest_write = c->stack_at_entry;
    } else if (place == c->return_address) {
        c->open = 0;
        if (c->finished < c->runs) c->by_run[c->finished++] = c->current;
        if (c->stack_at_entry - c->lowest_write > c->deepest) c->deepest = c->stack_at_entry - c->lowest_write;
        return;
    }
    const uint32_t slot = (place - c->code_origin) >> 1;
    if (slot >= c->code_slots) return;
    if (c->block_bytes[slot] != size) {
        c->block_bytes[slot] = (uint16_t)size;
        c->block_length[slot] = count_instructions(c, slot, size);
    }
    c->current += c->block_length[slot];
    c->by_function[c->function_of[slot]] += c->block_length[slot];
    if (c->current > c->limit) {
        c->exceeded = 1;
        (void)c->stop(machine);
    }
}

EXPORT void on_write(void *machine, int access, uint64_t address, int size, int64_t value, void *user) {
    counters *c = user;
    (void)machine;
    (void)access;
    (void)size;
    (void)value;
    if (c->open && address < c->lowest_write) c->lowest_write = (uint32_t)address;
}
