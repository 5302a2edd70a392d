/* What the system knows of its owner's hands and of the window in front; negative where it does not know. */
#ifndef IDLEWATT_INPUT_H
#define IDLEWATT_INPUT_H

#include <stdint.h>

struct input_reading {
  int64_t idle_ms;
  int full_screen;
};

/* `display` names an X server and is NULL elsewhere. May wait for another program: never on the main thread. */
struct input_reading idlewatt_read_input(const char *display);

/* Since a controller was moved, as far as this platform says it without files to read. */
int64_t idlewatt_controller_idle_ms(void);

#endif
