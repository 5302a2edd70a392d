/*
 * Reads idle time and full screen from an X server, through its libraries if they are installed; nothing of X is
 * needed to build. The connection is reused, and dropped when the server goes away.
 */
#include "../input.h"

#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

typedef struct display display;
typedef unsigned long window;
typedef unsigned long atom;
typedef struct {
  window window;
  int state, kind;
  unsigned long since, idle_ms, event_mask;
} saver_info;
typedef struct {
  atom name;
  int primary, automatic, output_count, x, y, width, height, width_mm, height_mm;
  unsigned long *outputs;
} monitor;

static struct {
  int loaded;
  display *(*open)(const char *);
  window (*root)(display *);
  int (*focus)(display *, window *, int *);
  int (*tree)(display *, window, window *, window *, window **, unsigned *);
  int (*geometry)(display *, window, window *, int *, int *, unsigned *, unsigned *, unsigned *, unsigned *);
  int (*translate)(display *, window, window, int, int, int *, int *, window *);
  int (*property)(display *, window, atom, long, long, int, atom, atom *, int *, unsigned long *,
                  unsigned long *, unsigned char **);
  atom (*intern)(display *, const char *, int);
  int (*release)(void *);
  void *(*on_error)(int (*)(display *, void *));
  void *(*on_broken)(int (*)(display *));
  int (*saver_query)(display *, int *, int *);
  int (*saver_info)(display *, window, saver_info *);
  int (*randr_query)(display *, int *, int *);
  monitor *(*monitors)(display *, window, int, int *);
  void (*release_monitors)(monitor *);
} x;

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static display *server;
static char server_name[256];
static jmp_buf broken;
static saver_info info;

/* A window that closed between two requests. */
static int ignore_error(display *of, void *event) {
  (void)of;
  (void)event;
  return 0;
}

/* Returning from here would end the process: that is how Xlib handles a lost server. */
static int leave_broken(display *of) {
  (void)of;
  longjmp(broken, 1);
}

static int load(void) {
  if (x.loaded) return x.loaded > 0;
  x.loaded = -1;
  void *base = dlopen("libX11.so.6", RTLD_NOW | RTLD_LOCAL);
  void *saver = dlopen("libXss.so.1", RTLD_NOW | RTLD_LOCAL);
  void *randr = dlopen("libXrandr.so.2", RTLD_NOW | RTLD_LOCAL);
  if (!base) return 0;
#define LOOK_UP(field, library, symbol) *(void **)&x.field = library ? dlsym(library, symbol) : NULL
  LOOK_UP(open, base, "XOpenDisplay");
  LOOK_UP(root, base, "XDefaultRootWindow");
  LOOK_UP(focus, base, "XGetInputFocus");
  LOOK_UP(tree, base, "XQueryTree");
  LOOK_UP(geometry, base, "XGetGeometry");
  LOOK_UP(translate, base, "XTranslateCoordinates");
  LOOK_UP(property, base, "XGetWindowProperty");
  LOOK_UP(intern, base, "XInternAtom");
  LOOK_UP(release, base, "XFree");
  LOOK_UP(on_error, base, "XSetErrorHandler");
  LOOK_UP(on_broken, base, "XSetIOErrorHandler");
  LOOK_UP(saver_query, saver, "XScreenSaverQueryExtension");
  LOOK_UP(saver_info, saver, "XScreenSaverQueryInfo");
  LOOK_UP(randr_query, randr, "XRRQueryExtension");
  LOOK_UP(monitors, randr, "XRRGetMonitors");
  LOOK_UP(release_monitors, randr, "XRRFreeMonitors");
  if (!x.open || !x.root || !x.focus || !x.tree || !x.geometry || !x.translate || !x.property || !x.intern ||
      !x.release || !x.on_error || !x.on_broken)
    return 0;
  x.on_error(ignore_error);
  x.on_broken(leave_broken);
  x.loaded = 1;
  return 1;
}

/* Returns the first value of this window property; 0 if it has none. With `wanted`: 1 if it is among the values. */
static unsigned long property(window of, const char *name, atom wanted) {
  atom type;
  int format;
  unsigned long count = 0, rest, result = 0;
  unsigned char *data = NULL;
  const atom property_name = x.intern(server, name, 1);
  if (!property_name) return 0;
  if (x.property(server, of, property_name, 0, 64, 0, 0, &type, &format, &count, &rest, &data) != 0 || !data)
    return 0;
  /* Xlib returns 32-bit values as longs. */
  if (format == 32 && count > 0) {
    const unsigned long *values = (const unsigned long *)(const void *)data;
    if (!wanted) result = values[0];
    else
      for (unsigned long i = 0; i < count; i++) result |= values[i] == wanted;
  }
  x.release(data);
  return result;
}

/* Returns the window manager's active window, otherwise the ancestor below the root of the window with the keyboard. */
static window front(window root) {
  window found = property(root, "_NET_ACTIVE_WINDOW", 0);
  if (found) return found;
  int revert;
  x.focus(server, &found, &revert);
  /* None and PointerRoot are not windows. */
  if (found <= 1 || found == root) return 0;
  for (;;) {
    window of_root, parent, *children = NULL;
    unsigned count;
    if (!x.tree(server, found, &of_root, &parent, &children, &count)) return 0;
    if (children) x.release(children);
    if (parent == root || !parent) return found;
    found = parent;
  }
}

static int covers(window root, int left, int top, int right, int bottom) {
  int major, minor, count = 0;
  if (x.monitors && x.release_monitors && x.randr_query && x.randr_query(server, &major, &minor)) {
    monitor *found = x.monitors(server, root, 1, &count);
    int covered = 0;
    for (int i = 0; i < count; i++)
      covered |= left <= found[i].x && top <= found[i].y && right >= found[i].x + found[i].width &&
                 bottom >= found[i].y + found[i].height;
    if (found) x.release_monitors(found);
    if (count > 0) return covered;
  }
  window of_root;
  int root_x, root_y;
  unsigned width, height, border, depth;
  if (!x.geometry(server, root, &of_root, &root_x, &root_y, &width, &height, &border, &depth)) return 0;
  return left <= 0 && top <= 0 && right >= (int)width && bottom >= (int)height;
}

static int full_screen(window root) {
  const window of = front(root);
  if (!of) return 0;
  const atom desktop = x.intern(server, "_NET_WM_WINDOW_TYPE_DESKTOP", 1);
  if (desktop && property(of, "_NET_WM_WINDOW_TYPE", desktop)) return 0;
  const atom state = x.intern(server, "_NET_WM_STATE_FULLSCREEN", 1);
  if (state && property(of, "_NET_WM_STATE", state)) return 1;
  window of_root, child;
  int left, top;
  unsigned width, height, border, depth;
  if (!x.geometry(server, of, &of_root, &left, &top, &width, &height, &border, &depth)) return 0;
  if (!x.translate(server, of, root, 0, 0, &left, &top, &child)) return 0;
  return covers(root, left, top, left + (int)width, top + (int)height);
}

struct input_reading idlewatt_read_input(const char *name) {
  struct input_reading reading = {.idle_ms = -1, .full_screen = -1};
  if (!name || strlen(name) >= sizeof server_name) return reading;
  pthread_mutex_lock(&turn);
  if (!load()) goto done;
  if (setjmp(broken)) {
    /* Its memory is not freed: the library may have left it half changed. */
    server = NULL;
    reading.idle_ms = reading.full_screen = -1;
    goto done;
  }
  if (!server || strcmp(name, server_name) != 0) {
    server = x.open(name);
    strcpy(server_name, name);
  }
  if (!server) goto done;
  const window root = x.root(server);
  int event, error;
  if (x.saver_query && x.saver_info && x.saver_query(server, &event, &error) && x.saver_info(server, root, &info))
    reading.idle_ms = (int64_t)info.idle_ms;
  reading.full_screen = full_screen(root);
done:
  pthread_mutex_unlock(&turn);
  return reading;
}
