/* On Linux, controllers are files, which JavaScript reads itself (main/adapters/native/controllers.ts). */
#include "../input.h"

int64_t idlewatt_controller_idle_ms(void) { return -1; }
