/* Controllers are files on Linux, which JavaScript reads by itself (main/adapters/native/controllers.ts). */
#include "../input.h"

int64_t idlewatt_controller_idle_ms(void) { return -1; }
