/*
 * Never run: written from Microsoft's documentation. Reads the idle time of this session, compares the foreground
 * window with its monitor, and detects Xbox controllers by the number that changes with each of their reports.
 */
#define _WIN32_WINNT 0x0A00
#include "../input.h"

#include <windows.h>

#define CONTROLLERS_MAX 4
#define CONNECTED 0

/* The beginning of XINPUT_STATE, and room for the rest of it. */
struct controller_state {
  DWORD packet;
  unsigned char gamepad[12];
};
typedef DWORD(WINAPI *get_state)(DWORD, struct controller_state *);

static int64_t idle_ms(void) {
  LASTINPUTINFO last = {.cbSize = sizeof last};
  if (!GetLastInputInfo(&last)) return -1;
  /* Both wrap after 49 days; their difference does not. */
  return (int64_t)(DWORD)(GetTickCount() - last.dwTime);
}

static int full_screen(void) {
  const HWND front = GetForegroundWindow();
  RECT window;
  MONITORINFO monitor = {.cbSize = sizeof monitor};
  if (!front) return -1;
  if (front == GetDesktopWindow() || front == GetShellWindow()) return 0;
  if (!GetWindowRect(front, &window)) return -1;
  if (!GetMonitorInfoA(MonitorFromWindow(front, MONITOR_DEFAULTTONEAREST), &monitor)) return -1;
  const RECT screen = monitor.rcMonitor;
  return window.left <= screen.left && window.top <= screen.top && window.right >= screen.right &&
         window.bottom >= screen.bottom;
}

struct input_reading idlewatt_read_input(const char *display) {
  (void)display;
  return (struct input_reading){.idle_ms = idle_ms(), .full_screen = full_screen()};
}

int64_t idlewatt_controller_idle_ms(void) {
  static get_state ask;
  static DWORD packets[CONTROLLERS_MAX];
  static int seen[CONTROLLERS_MAX];
  static ULONGLONG moved_at;
  if (!ask) {
    const HMODULE library = LoadLibraryA("xinput1_4.dll");
    if (library) ask = (get_state)(void *)GetProcAddress(library, "XInputGetState");
    if (!ask) return -1;
  }
  int connected = 0;
  for (DWORD i = 0; i < CONTROLLERS_MAX; i++) {
    struct controller_state state;
    if (ask(i, &state) != CONNECTED) {
      seen[i] = 0;
      continue;
    }
    connected = 1;
    if (!seen[i] || packets[i] != state.packet) moved_at = GetTickCount64();
    seen[i] = 1;
    packets[i] = state.packet;
  }
  return connected ? (int64_t)(GetTickCount64() - moved_at) : -1;
}
