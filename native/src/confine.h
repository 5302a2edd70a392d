/* Windows and macOS: confines this process from inside. Writes the names of the active parts, like Linux's launcher. */
#ifndef IDLEWATT_CONFINE_H
#define IDLEWATT_CONFINE_H

#include <stdint.h>

/* `active` has room for at least 128 characters. */
void idlewatt_confine(uint64_t memory_bytes_max, int parent, char *active);

#endif
