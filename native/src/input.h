/* Owner input and full-screen state as the system reports them; negative means unknown. */
#ifndef IDLEWATT_INPUT_H
#define IDLEWATT_INPUT_H

#include <stdint.h>

struct input_reading {
  int64_t idle_ms;
  int full_screen;
};

/* `display` names an X server and is NULL on other platforms. May wait for another process, so never call it on the main thread. */
struct input_reading idlewatt_read_input(const char *display);

/* Time since a controller was moved, if this platform reports it without files to read. */
int64_t idlewatt_controller_idle_ms(void);

#endif
