/*
 * Uses CPU and disk only if no other process wants them. Linux sets both per thread, so a process that already has
 * threads lowers each of them; threads created later inherit.
 */
#include "../priority.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From linux/ioprio.h, which older systems don't install. */
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_IDLE (3 << 13)

static int lower_thread(int thread) {
  /* Not SCHED_IDLE: a killed engine frees its memory in its own threads, which would wait even longer for a core. */
  int granted = setpriority(PRIO_PROCESS, (id_t)thread, 19) == 0;
  granted &= syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, thread, IOPRIO_IDLE) == 0;
  return granted;
}

int idlewatt_lower_priority(void) {
  DIR *threads = opendir("/proc/self/task");
  if (!threads) return lower_thread(0);
  int granted = 1;
  for (struct dirent *entry; (entry = readdir(threads));) {
    const int thread = atoi(entry->d_name);
    if (thread > 0) granted &= lower_thread(thread);
  }
  closedir(threads);
  return granted;
}
