/* Windows and macOS: this process shuts itself in. Writes the names of the parts in force, as Linux's launcher. */
#ifndef IDLEWATT_CONFINE_H
#define IDLEWATT_CONFINE_H

#include <stdint.h>

/* `in_force` holds at least 128 characters. */
void idlewatt_confine(uint64_t memory_bytes_max, int parent, char *in_force);

#endif
