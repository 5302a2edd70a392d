/* Gives this whole process the lowest priority of the system. */
#ifndef IDLEWATT_PRIORITY_H
#define IDLEWATT_PRIORITY_H

/* Returns 1 if all of it was granted, else 0; the granted parts stay. */
int idlewatt_lower_priority(void);

#endif
