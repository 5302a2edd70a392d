/* Windows and macOS: restricts this process. Writes the names of the active parts, as Linux's launcher does. */
#ifndef IDLEWATT_CONFINE_H
#define IDLEWATT_CONFINE_H

#include <stdint.h>

/* `active_parts` has room for at least 128 characters. */
void idlewatt_confine(uint64_t memory_bytes_max, int parent, char *active_parts);

#endif
