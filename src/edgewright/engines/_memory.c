/* memcpy and memset for compilers whose own library is left out; written so that they are not turned into calls of themselves. */
#include <stddef.h>

void *memcpy(void *restrict target, const void *restrict source, size_t bytes);
void *memset(void *target, int value, size_t bytes);

void *memcpy(void *restrict target, const void *restrict source, size_t bytes) {
    volatile unsigned char *to = target;
    const unsigned char *from = source;
    while (bytes--) *to++ = *from++;
    return target;
}

void *memset(void *target, int value, size_t bytes) {
    volatile unsigned char *to = target;
    while (bytes--) *to++ = (unsigned char)value;
    return target;
}
