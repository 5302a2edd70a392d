/* Never run. Without this, Windows Error Reporting may store a dump of a process that crashed. */
#include "../dumps.h"

#include <windows.h>

int idlewatt_prevent_dumps(void) {
  SetErrorMode(SetErrorMode(0) | SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
  return 0;
}
