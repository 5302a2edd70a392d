/* Never compiled. */
#include "../dumps.h"

#include <sys/resource.h>

int idlewatt_prevent_dumps(void) {
  const struct rlimit none = {0};
  return setrlimit(RLIMIT_CORE, &none) == 0;
}
