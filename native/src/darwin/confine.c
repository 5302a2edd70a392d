/*
 * Never run: written from Apple's manual pages. A sandbox profile refuses network, every write, and reading of
 * folders with personal files; a thread ends this process with its parent. `sandbox_init` is deprecated and has no
 * successor for a program outside the App Store; browsers use it too. Memory stays unlimited: macOS does not enforce
 * RLIMIT_DATA.
 */
#include "../confine.h"
#include "../priority.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/event.h>
#include <unistd.h>

int sandbox_init(const char *profile, uint64_t flags, char **error);

/* Models are in Application Support of the user's folder, which therefore stays readable; its keys don't. */
static const char profile[] =
    "(version 1)(allow default)(deny network*)(deny file-write*)(deny process-fork)"
    "(allow file-write-data (literal \"/dev/null\"))"
    "(deny file-read* (regex #\"^/Users/[^/]+/(Desktop|Documents|Downloads|Pictures|Movies|Music)\")"
    " (regex #\"/\\.(ssh|gnupg|aws)(/|$)\") (regex #\"/Library/Keychains\") (regex #\"/keys/\"))";

static void *end_with(void *parent) {
  const int queue = kqueue();
  struct kevent wanted, happened;
  EV_SET(&wanted, (uintptr_t)parent, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL);
  /* A failure means that the parent is already gone. */
  kevent(queue, &wanted, 1, &happened, 1, NULL);
  _exit(1);
}

void idlewatt_confine(uint64_t memory_bytes_max, int parent, char *active_parts) {
  (void)memory_bytes_max;
  pthread_t thread;
  char *error = NULL;
  *active_parts = 0;
  if (pthread_create(&thread, NULL, end_with, (void *)(intptr_t)parent) == 0) strcat(active_parts, "diesWithParent ");
  if (idlewatt_lower_priority()) strcat(active_parts, "priority ");
  /* Not reported as `files`, because it allows more than models and libraries. */
  if (sandbox_init(profile, 0, &error) == 0) strcat(active_parts, "network ");
}
