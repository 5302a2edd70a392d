/*
 * Sets an alarm of the X server on its counter IDLETIME (X Synchronization Extension Protocol 3.1): it fires when the
 * idle time falls below a second, so that typing costs nothing here. Uses libxcb with hand-written requests, since
 * Xlib ends the process when the server goes away; this connection belongs to one thread only.
 */
#include "input-watch.h"

#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#define IDLE_MS 1000

/* Layouts from xcb.h and xcbext.h. */
typedef struct connection connection;
struct extension {
  const char *name;
  int number;
};
struct request_kind {
  size_t parts;
  struct extension *extension;
  uint8_t opcode, without_reply;
};
struct extension_reply {
  uint8_t head[8];
  uint8_t present, opcode, first_event, first_error;
};

static struct {
  int complete;
  connection *(*open)(const char *, int *);
  int (*broken)(connection *);
  int (*file)(connection *);
  uint32_t (*new_id)(connection *);
  const struct extension_reply *(*extension)(connection *, struct extension *);
  unsigned (*send)(connection *, int, struct iovec *, const struct request_kind *);
  void *(*reply)(connection *, unsigned, void **);
  uint8_t *(*event)(connection *);
  int (*flush)(connection *);
  void (*close)(connection *);
} xcb;

static struct extension sync_extension = {.name = "SYNC"};

static void load(void) {
  void *library = dlopen("libxcb.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) return;
#define LOOK_UP(field, symbol) *(void **)&xcb.field = dlsym(library, symbol)
  LOOK_UP(open, "xcb_connect");
  LOOK_UP(broken, "xcb_connection_has_error");
  LOOK_UP(file, "xcb_get_file_descriptor");
  LOOK_UP(new_id, "xcb_generate_id");
  LOOK_UP(extension, "xcb_get_extension_data");
  LOOK_UP(send, "xcb_send_request");
  LOOK_UP(reply, "xcb_wait_for_reply");
  LOOK_UP(event, "xcb_poll_for_event");
  LOOK_UP(flush, "xcb_flush");
  LOOK_UP(close, "xcb_disconnect");
  xcb.complete = xcb.open && xcb.broken && xcb.file && xcb.new_id && xcb.extension && xcb.send && xcb.reply &&
                 xcb.event && xcb.flush && xcb.close;
}

/* `words` begin with the request's header, which the library fills in; it needs two free parts before the first. */
static unsigned send(connection *server, uint8_t opcode, uint8_t without_reply, uint32_t *words, size_t bytes) {
  struct iovec parts[3] = {[2] = {.iov_base = words, .iov_len = bytes}};
  const struct request_kind kind = {1, &sync_extension, opcode, without_reply};
  return xcb.send(server, 0, parts + 2, &kind);
}

static uint8_t *ask(connection *server, uint8_t opcode, uint32_t *words, size_t bytes) {
  void *error = NULL;
  uint8_t *reply = xcb.reply(server, send(server, opcode, 0, words, bytes), &error);
  free(error);
  return reply;
}

static uint32_t word(const uint8_t *at) {
  uint32_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

/* Returns the counter of this name from a ListSystemCounters reply; 0 if there is none. */
static uint32_t named_counter(const uint8_t *reply, const char *name) {
  const uint8_t *at = reply + 32, *end = at + 4 * (size_t)word(reply + 4);
  for (uint32_t rest = word(reply + 8); rest > 0 && end - at >= 14; rest--) {
    uint16_t length;
    memcpy(&length, at + 12, sizeof length);
    if (end - at < 14 + length) return 0;
    if (length == strlen(name) && memcmp(at + 14, name, length) == 0) return word(at);
    at += 12 + ((2 + length + 3) & ~3);
  }
  return 0;
}

/* The extension's opcodes. */
enum { INITIALIZE = 0, LIST_COUNTERS = 1, CREATE_ALARM = 8 };
enum { ABSOLUTE = 0, NEGATIVE_TRANSITION = 1, ALL_ATTRIBUTES = 0x3f };
enum { ALARM_NOTIFY = 1 };

/* Returns the code of its events; 0 if this server has no such alarm. */
static uint8_t set_alarm(connection *server) {
  const struct extension_reply *found = xcb.extension(server, &sync_extension);
  if (!found || !found->present) return 0;
  uint32_t version[2] = {0};
  memcpy(&version[1], (const uint8_t[]){3, 1, 0, 0}, 4);
  uint8_t *reply = ask(server, INITIALIZE, version, sizeof version);
  if (!reply) return 0;
  free(reply);
  uint32_t list[1] = {0};
  if (!(reply = ask(server, LIST_COUNTERS, list, sizeof list))) return 0;
  const uint32_t counter = named_counter(reply, "IDLETIME");
  free(reply);
  if (!counter) return 0;
  /* Values are 64 bits wide, high word first; without a step the alarm stays set after it fires. */
  uint32_t alarm[] = {0, xcb.new_id(server), ALL_ATTRIBUTES, counter, ABSOLUTE, 0, IDLE_MS, NEGATIVE_TRANSITION,
                      0, 0, 1};
  send(server, CREATE_ALARM, 1, alarm, sizeof alarm);
  xcb.flush(server);
  return found->first_event + ALARM_NOTIFY;
}

void idlewatt_await_touches(const char *display, int stop, void (*touched)(void *), void *context) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
  if (!xcb.complete) return;
  connection *server = xcb.open(display, NULL);
  const uint8_t alarm = xcb.broken(server) ? 0 : set_alarm(server);
  struct pollfd files[] = {{.fd = xcb.file(server), .events = POLLIN}, {.fd = stop, .events = POLLIN}};
  while (alarm && !xcb.broken(server) && !files[1].revents) {
    for (uint8_t *event; (event = xcb.event(server)); free(event))
      if ((*event & 0x7f) == alarm) touched(context);
    poll(files, 2, -1);
  }
  xcb.close(server);
}
