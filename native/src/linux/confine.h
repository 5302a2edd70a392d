/* The parts of the sandbox. Each returns 1 if the kernel granted all of it, otherwise 0. */
#ifndef IDLEWATT_CONFINE_H
#define IDLEWATT_CONFINE_H

#define PATHS_MAX 256

struct paths {
  int count;
  const char *path[PATHS_MAX];
};

/* Landlock: allows reading below `readable` and using `devices`, and no other file. */
int confine_files(const struct paths *readable, const struct paths *devices);

/* Seccomp: refuses sockets and calls that lead around the other parts. Requires no_new_privs. */
int confine_calls(void);

#endif
