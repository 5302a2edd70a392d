/* Never run: written from Apple's documentation. Reads the idle time from the input system's registry entry. */
#include "../input.h"

#include <CoreFoundation/CoreFoundation.h>
#include <IOKit/IOKitLib.h>

static int64_t idle_ms(void) {
  int64_t idle_ns = -1;
  const io_service_t input = IOServiceGetMatchingService(MACH_PORT_NULL, IOServiceMatching("IOHIDSystem"));
  if (!input) return -1;
  const CFTypeRef value = IORegistryEntryCreateCFProperty(input, CFSTR("HIDIdleTime"), kCFAllocatorDefault, 0);
  if (value && CFGetTypeID(value) == CFNumberGetTypeID())
    CFNumberGetValue((CFNumberRef)value, kCFNumberSInt64Type, &idle_ns);
  if (value) CFRelease(value);
  IOObjectRelease(input);
  return idle_ns < 0 ? -1 : idle_ns / 1000000;
}

/* No public API reports full screen without a permission: unknown. */
struct input_reading idlewatt_read_input(const char *display) {
  (void)display;
  return (struct input_reading){.idle_ms = idle_ms(), .full_screen = -1};
}

/* Needs AppKit's event loop, which Node doesn't have: unknown. */
int64_t idlewatt_controller_idle_ms(void) { return -1; }
