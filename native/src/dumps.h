/* Keeps this process's memory, which holds keys and prompts, out of core files and away from other programs. */
#ifndef IDLEWATT_DUMPS_H
#define IDLEWATT_DUMPS_H

/* Returns 1 if no core file can be written any more, else 0. */
int idlewatt_prevent_dumps(void);

#endif
