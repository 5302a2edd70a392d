/*
 * Restricts files: named paths may be read (and executed, as libraries are), named devices may be used, everything else
 * is refused. Landlock binds the calling thread and those created after it, even across exec. That is why a launcher
 * does it and not the engine, which has threads before its first line runs.
 */
#include "confine.h"
#include "landlock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int allow(int ruleset, const char *path, uint64_t access) {
  const int opened = open(path, O_PATH | O_CLOEXEC);
  /* Most paths of the list exist only on some systems. */
  if (opened < 0) return 1;
  struct stat status;
  if (fstat(opened, &status) == 0 && !S_ISDIR(status.st_mode)) access &= ~FS_READ_DIR;
  const struct path_beneath_attributes rule = {.allowed_access = access, .parent_fd = opened};
  const int added = syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0) == 0;
  close(opened);
  return added;
}

int confine_files(const struct paths *readable, const struct paths *devices) {
  const long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, RULESET_VERSION);
  if (abi < 1) return 0;
  struct ruleset_attributes attributes = {.handled_access_fs = FS_ABI_1};
  size_t size = sizeof attributes.handled_access_fs;
  if (abi >= 2) attributes.handled_access_fs |= FS_REFER;
  if (abi >= 3) attributes.handled_access_fs |= FS_TRUNCATE;
  if (abi >= 4) {
    attributes.handled_access_net = NET_BIND_TCP | NET_CONNECT_TCP;
    size += sizeof attributes.handled_access_net;
  }
  if (abi >= 5) attributes.handled_access_fs |= FS_IOCTL_DEV;
  if (abi >= 6) {
    attributes.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
    size += sizeof attributes.scoped;
  }
  const int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, size, 0);
  if (ruleset < 0) return 0;
  const uint64_t reading = FS_EXECUTE | FS_READ_FILE | FS_READ_DIR;
  const uint64_t using = FS_READ_FILE | FS_READ_DIR | FS_WRITE_FILE | FS_IOCTL_DEV;
  int granted = 1;
  for (int i = 0; i < readable->count; i++) granted &= allow(ruleset, readable->path[i], reading);
  for (int i = 0; i < devices->count; i++)
    granted &= allow(ruleset, devices->path[i], using & attributes.handled_access_fs);
  granted = granted && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
  close(ruleset);
  return granted;
}
