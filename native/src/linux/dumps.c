/*
 * A handler of core files that is a program (kernel.core_pattern) ignores the limit, so the process also becomes
 * non-dumpable. That lasts until the next exec, and no other program of the user can attach to it or read its memory.
 */
#include "../dumps.h"

#include <sys/prctl.h>
#include <sys/resource.h>

int idlewatt_prevent_dumps(void) {
  const struct rlimit none = {0};
  const int limited = setrlimit(RLIMIT_CORE, &none) == 0;
  return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && limited;
}
