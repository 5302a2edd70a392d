/*
 * Blocks the network by blocking sockets. The channel to the parent exists already, and socket pairs stay allowed
 * because they reach no other process. Also blocked are calls that bypass the sandbox (io_uring creates sockets on its
 * own), that read or disturb other processes, that change files in ways Landlock doesn't restrict (mode, owner, times,
 * attributes), or that add kernel attack surface which no engine needs.
 */
#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#ifdef ARCHITECTURE

#ifndef SECCOMP_RET_KILL_PROCESS
#define SECCOMP_RET_KILL_PROCESS 0x80000000U
#endif
#define FIELD(name) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, name))
#define RESULT(value) BPF_STMT(BPF_RET | BPF_K, (value))
#define DENIAL(error) RESULT(SECCOMP_RET_ERRNO | (error))
#define DENY(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1), DENIAL(EACCES)
/* Calls that the headers of older systems don't name; the numbers are the same on every architecture. */
#define DENY_NUMBER(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), DENIAL(EACCES)
#define CALL_PIDFD_SEND_SIGNAL 424
#define CALL_FCHMODAT2 452
#define CALL_SETXATTRAT 463
#define CALL_REMOVEXATTRAT 466
#define CALL_FILE_SETATTR 469
/* Denies a call whose first argument isn't `value`, or isn't this process. Continues with the call's number loaded. */
#define ONLY_FOR(call, value)                                  \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 4),       \
      FIELD(args[0]),                                          \
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 1, 0),      \
      DENIAL(EACCES),                                          \
      RESULT(SECCOMP_RET_ALLOW)
/* Denies a call whose second argument is `value`, and leaves other uses to the next rule. */
#define DENY_SECOND(call, value)                               \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 4),       \
      FIELD(args[1]),                                          \
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, 1),      \
      DENIAL(EACCES),                                          \
      FIELD(nr)
/* Replaced by the process's own ID, which is known only while the process runs; no process has this one. */
#define OWN_PID 0x7fffffff
/* From linux/fs.h and linux/sockios.h: file attributes, and the receiver of a file's or socket's signals. */
#define SET_FLAGS 0x40086602
#define SET_FLAGS_32 0x40046602
#define SET_EXTENDED_FLAGS 0x401c5820
#define SET_OWNER_OF_SOCKET 0x8901
#define SET_GROUP_OF_SOCKET 0x8902
#define SET_OWNER_EX 15
#define SET_SIGNAL 10
#define NAMESPACES \
  (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

static struct sock_filter filter[] = {
    FIELD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
    RESULT(SECCOMP_RET_KILL_PROCESS),
    FIELD(nr),
#ifdef __x86_64__
    /* The x32 ABI: the same calls with other numbers. */
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
    RESULT(SECCOMP_RET_KILL_PROCESS),
#endif
    DENY(socket),
    DENY(connect),
    DENY(bind),
    DENY(listen),
    DENY(io_uring_setup),
    DENY(io_uring_enter),
    DENY(io_uring_register),
    DENY(ptrace),
    DENY(process_vm_readv),
    DENY(process_vm_writev),
    DENY(pidfd_getfd),
    DENY(bpf),
    DENY(perf_event_open),
    DENY(userfaultfd),
    DENY(add_key),
    DENY(request_key),
    DENY(keyctl),
    DENY(open_by_handle_at),
    DENY(mount),
    DENY(umount2),
    DENY(pivot_root),
    DENY(chroot),
    DENY(unshare),
    DENY(setns),
    DENY(init_module),
    DENY(finit_module),
    DENY(delete_module),
    DENY(kexec_load),
    DENY(swapon),
    DENY(reboot),
    /* Landlock doesn't restrict mode, owner, times and attributes, and truncation only since kernel 6.2. */
    DENY(truncate),
    DENY(fchmod),
    DENY(fchmodat),
    DENY_NUMBER(CALL_FCHMODAT2),
    DENY(fchown),
    DENY(fchownat),
    DENY(utimensat),
    DENY(setxattr),
    DENY(lsetxattr),
    DENY(fsetxattr),
    DENY(removexattr),
    DENY(lremovexattr),
    DENY(fremovexattr),
    DENY_NUMBER(CALL_SETXATTRAT),
    DENY_NUMBER(CALL_REMOVEXATTRAT),
    DENY_NUMBER(CALL_FILE_SETATTR),
    DENY_SECOND(ioctl, SET_FLAGS),
    DENY_SECOND(ioctl, SET_FLAGS_32),
    DENY_SECOND(ioctl, SET_EXTENDED_FLAGS),
#ifdef SYS_chmod
    DENY(chmod),
    DENY(chown),
    DENY(lchown),
    DENY(utime),
    DENY(utimes),
    DENY(futimesat),
#endif
    /* Signals to other processes: SIGUSR1 opens a debugger in a Node program. A process may still abort itself. */
    DENY(tkill),
    DENY_NUMBER(CALL_PIDFD_SEND_SIGNAL),
    DENY_SECOND(fcntl, F_SETOWN),
    DENY_SECOND(fcntl, SET_OWNER_EX),
    DENY_SECOND(fcntl, SET_SIGNAL),
    DENY_SECOND(ioctl, SET_OWNER_OF_SOCKET),
    DENY_SECOND(ioctl, SET_GROUP_OF_SOCKET),
    ONLY_FOR(kill, OWN_PID),
    ONLY_FOR(tgkill, OWN_PID),
    ONLY_FOR(rt_sigqueueinfo, OWN_PID),
    ONLY_FOR(rt_tgsigqueueinfo, OWN_PID),
    /* 0 is the calling process. A limit of CPU time would kill another one. */
    ONLY_FOR(prlimit64, 0),
    /* Its flags are behind a pointer, which a filter can't read. With ENOSYS the C library uses `clone` instead. */
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
    DENIAL(ENOSYS),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
    FIELD(args[0]),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NAMESPACES, 0, 1),
    DENIAL(EACCES),
    RESULT(SECCOMP_RET_ALLOW),
};

int confine_calls(void) {
  /* The program that this process becomes keeps its ID. */
  for (size_t i = 0; i < sizeof filter / sizeof *filter; i++)
    if (filter[i].code == (BPF_JMP | BPF_JEQ | BPF_K) && filter[i].k == OWN_PID) filter[i].k = (uint32_t)getpid();
  const struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

#else

int confine_calls(void) { return 0; }

#endif
