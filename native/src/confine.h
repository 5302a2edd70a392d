/* Windows and macOS: restricts this process. Writes the names of the active parts, as Linux's launcher does. */
#ifndef IDLEWATT_CONFINE_H
#define IDLEWATT_CONFINE_H

#include <stdint.h>

/* `in_force` has room for at least 128 characters. */
void idlewatt_confine(uint64_t memory_bytes_max, int parent, char *in_force);

#endif
