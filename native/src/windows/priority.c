/* Never run: written from Microsoft's documentation. Sets idle priority, and efficiency mode (EcoQoS) where it exists. */
#define _WIN32_WINNT 0x0A00
#include "../priority.h"

#include <windows.h>

/* From processthreadsapi.h of newer kits. */
#define POWER_THROTTLING 4
#define EXECUTION_SPEED 1u
struct throttling {
  ULONG version, control_mask, state_mask;
};
typedef BOOL(WINAPI *set_information)(HANDLE, int, void *, DWORD);

int idlewatt_lower_priority(void) {
  struct throttling slow = {.version = 1, .control_mask = EXECUTION_SPEED, .state_mask = EXECUTION_SPEED};
  const HANDLE self = GetCurrentProcess();
  const HMODULE kernel = GetModuleHandleA("kernel32.dll");
  const set_information set = (set_information)(void *)GetProcAddress(kernel, "SetProcessInformation");
  /* Windows 10 before 1709 has no efficiency mode; the idle class is its lowest priority. */
  if (set) set(self, POWER_THROTTLING, &slow, sizeof slow);
  return SetPriorityClass(self, IDLE_PRIORITY_CLASS) != 0;
}
