/* Sets the lowest priority that this system has, for the whole process. */
#ifndef IDLEWATT_PRIORITY_H
#define IDLEWATT_PRIORITY_H

/* Returns 1 if all of it was granted, otherwise 0; the granted part stays. */
int idlewatt_lower_priority(void);

#endif
