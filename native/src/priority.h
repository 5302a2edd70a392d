/* The lowest priority that this system knows, for the whole of this process. */
#ifndef IDLEWATT_PRIORITY_H
#define IDLEWATT_PRIORITY_H

/* 1 when everything it knows was granted, else 0; what was granted stays. */
int idlewatt_lower_priority(void);

#endif
