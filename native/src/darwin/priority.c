/* Never run: written from Apple's manual pages. Background priority for CPU, disk and network. */
#include "../priority.h"

#include <sys/resource.h>

int idlewatt_lower_priority(void) {
  int granted = setpriority(PRIO_PROCESS, 0, 19) == 0;
  granted &= setpriority(PRIO_DARWIN_PROCESS, 0, PRIO_DARWIN_BG) == 0;
  granted &= setiopolicy_np(IOPOL_TYPE_DISK, IOPOL_SCOPE_PROCESS, IOPOL_THROTTLE) == 0;
  return granted;
}
