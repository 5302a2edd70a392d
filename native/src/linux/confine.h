/* The parts of the sandbox. Each gives 1 when the kernel granted all of it and 0 otherwise. */
#ifndef IDLEWATT_CONFINE_H
#define IDLEWATT_CONFINE_H

#define PATHS_MAX 256

struct paths {
  int count;
  const char *path[PATHS_MAX];
};

/* Landlock: reading below `readable`, using `devices`, and no other file at all. */
int confine_files(const struct paths *readable, const struct paths *devices);

/* Seccomp: no socket to anybody, and no call that leads around the rest. Needs no_new_privs. */
int confine_calls(void);

#endif
