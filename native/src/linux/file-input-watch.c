/* Waits for the next bytes of a device file, such as a controller's, without reading them. */
#include "input-watch.h"

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Limits the rate for a stick that is never at rest. */
#define PAUSE_MS 20

void idlewatt_await_bytes(int file, int stop, void (*touched)(void *), void *context) {
  const int set = epoll_create1(EPOLL_CLOEXEC);
  struct pollfd end = {.fd = stop, .events = POLLIN};
  /* Edge-triggered: bytes that were reported and not read yet are not reported again. */
  struct epoll_event of_file = {.events = EPOLLIN | EPOLLET}, of_stop = {.events = EPOLLIN}, happened;
  if (epoll_ctl(set, EPOLL_CTL_ADD, file, &of_file) == 0 && epoll_ctl(set, EPOLL_CTL_ADD, stop, &of_stop) == 0)
    while (poll(&end, 1, PAUSE_MS) <= 0) {
      if (epoll_wait(set, &happened, 1, -1) < 1) continue;
      if (happened.events & (EPOLLHUP | EPOLLERR)) break;
      touched(context);
    }
  if (set >= 0) close(set);
}
