/*
 * idlewatt-sandbox [--parent PID] [--memory BYTES] [--read PATH]... [--device PATH]... -- PROGRAM [ARGUMENT]...
 *
 * Becomes PROGRAM (exec) inside the engine's sandbox. A part that this kernel lacks is left out; IDLEWATT_SANDBOX gives
 * PROGRAM the names of the active parts: `diesWithParent priority memory files network`.
 */
#include "../priority.h"
#include "confine.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static char active_parts[128];

static void note(int granted, const char *part) {
  if (!granted) return;
  if (*active_parts) strcat(active_parts, " ");
  strcat(active_parts, part);
}

/* The parent may have died before the signal was set up. */
static int die_with(pid_t parent) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return 0;
  if (getppid() != parent) _exit(1);
  return 1;
}

/*
 * Limits private writable memory: heaps, context, stacks. The model file is mapped read-only and not counted, and
 * reserved address space isn't either, so V8 and GPU drivers may reserve as much as they need.
 */
static int limit_memory(rlim_t bytes) {
  const struct rlimit data = {.rlim_cur = bytes, .rlim_max = bytes};
  return setrlimit(RLIMIT_DATA, &data) == 0;
}

static int usage(void) {
  fputs("idlewatt-sandbox [--parent PID] [--memory BYTES] [--read PATH] [--device PATH] -- PROGRAM\n", stderr);
  return 2;
}

static int add(struct paths *paths, const char *path) {
  if (paths->count == PATHS_MAX) return 0;
  paths->path[paths->count++] = path;
  return 1;
}

int main(int count, char **parameters) {
  static struct paths readable, devices;
  pid_t parent = 0;
  rlim_t memory = 0;
  int i = 1;
  for (; i + 1 < count && strcmp(parameters[i], "--") != 0; i += 2) {
    const char *name = parameters[i], *value = parameters[i + 1];
    if (strcmp(name, "--parent") == 0) parent = (pid_t)strtol(value, NULL, 10);
    else if (strcmp(name, "--memory") == 0) memory = strtoull(value, NULL, 10);
    else if (strcmp(name, "--read") == 0 && add(&readable, value)) continue;
    else if (strcmp(name, "--device") == 0 && add(&devices, value)) continue;
    else return usage();
  }
  if (i + 1 >= count) return usage();
  char **program = parameters + i + 1;

  if (parent > 0) note(die_with(parent), "diesWithParent");
  note(idlewatt_lower_priority(), "priority");
  if (memory > 0) note(limit_memory(memory), "memory");
  /* A core file would contain prompts. */
  const struct rlimit nothing = {0};
  setrlimit(RLIMIT_CORE, &nothing);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) {
    note(confine_files(&readable, &devices), "files");
    note(confine_calls(), "network");
  }
  setenv("IDLEWATT_SANDBOX", active_parts, 1);
  execv(program[0], program);
  fprintf(stderr, "idlewatt-sandbox: %s: %s\n", program[0], strerror(errno));
  return 127;
}
