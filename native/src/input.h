/* Readings of owner input and of the front window; negative means unknown. */
#ifndef IDLEWATT_INPUT_H
#define IDLEWATT_INPUT_H

#include <stdint.h>

struct input_reading {
  int64_t idle_ms;
  int full_screen;
};

/* `display` names an X server and is NULL elsewhere. May wait for another program: never call it on the main thread. */
struct input_reading idlewatt_read_input(const char *display);

/* Milliseconds since a controller moved, on platforms that report it without files to read. */
int64_t idlewatt_controller_idle_ms(void);

#endif
