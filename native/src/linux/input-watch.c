/* A thread that waits for input events of the system and calls JavaScript; it never polls. */
#include "input-watch.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define DISPLAY_MAX 256

/* One display or one file. Shared by the thread, the callback into JavaScript, and the function that stops it. */
struct watch {
  atomic_int owners;
  atomic_bool stopped;
  int stop, file;
  /* NULL once the process exits: Node may then free the function while the thread still runs. */
  pthread_mutex_t turn;
  napi_threadsafe_function callback;
  char display[DISPLAY_MAX];
};

static void leave(struct watch *watch) {
  if (atomic_fetch_sub(&watch->owners, 1) > 1) return;
  close(watch->stop);
  if (watch->file >= 0) close(watch->file);
  free(watch);
}

static void end(struct watch *watch) {
  if (atomic_exchange(&watch->stopped, true)) return;
  const uint64_t one = 1;
  /* A counter at zero can always be increased. */
  (void)!write(watch->stop, &one, sizeof one);
}

/* Runs on the thread. The address of one of these means owner input or the end of the watch. */
static char owner, over;

static void notify(struct watch *watch, char *what) {
  pthread_mutex_lock(&watch->turn);
  /* `napi_closing` already releases this thread's hold on the function. */
  if (watch->callback && napi_call_threadsafe_function(watch->callback, what, napi_tsfn_nonblocking) == napi_closing)
    watch->callback = NULL;
  if (watch->callback && what == &over) napi_release_threadsafe_function(watch->callback, napi_tsfn_release);
  pthread_mutex_unlock(&watch->turn);
}

static void touched(void *watch) { notify(watch, &owner); }

static void *wait_for_owner(void *context) {
  struct watch *watch = context;
  if (watch->file >= 0) idlewatt_await_bytes(watch->file, watch->stop, touched, watch);
  else idlewatt_await_touches(watch->display, watch->stop, touched, watch);
  notify(watch, &over);
  leave(watch);
  return NULL;
}

/* From here on JavaScript's thread; `env` is NULL if the environment is about to end. */
static void call_listener(napi_env env, napi_value listener, void *context, void *what) {
  const struct watch *watch = context;
  napi_value undefined, is_owner;
  if (!env || watch->stopped) return;
  napi_get_undefined(env, &undefined);
  napi_get_boolean(env, what == &owner, &is_owner);
  napi_call_function(env, undefined, listener, 1, &is_owner, NULL);
}

static void heard_gone(napi_env env, void *context, void *hint) {
  struct watch *watch = context;
  (void)env;
  (void)hint;
  pthread_mutex_lock(&watch->turn);
  watch->callback = NULL;
  pthread_mutex_unlock(&watch->turn);
  end(watch);
  leave(watch);
}

static void stop_gone(napi_env env, void *context, void *hint) {
  (void)env;
  (void)hint;
  leave(context);
}

static napi_value stop(napi_env env, napi_callback_info info) {
  void *context;
  (void)env;
  napi_get_cb_info(env, info, NULL, NULL, NULL, &context);
  end(context);
  return NULL;
}

static napi_value null_value(napi_env env) {
  napi_value value;
  napi_get_null(env, &value);
  return value;
}

static napi_value refuse(napi_env env, struct watch *watch) {
  if (watch && watch->file >= 0) close(watch->file);
  free(watch);
  napi_throw_type_error(env, NULL, "idlewatt: wrong parameters");
  return NULL;
}

/* Takes ownership of the watch and returns the function that stops it. */
static napi_value begin(napi_env env, struct watch *watch, napi_value listener) {
  napi_value name, stopper;
  pthread_t thread;
  if (napi_create_string_utf8(env, "idlewatt", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_threadsafe_function(env, listener, NULL, name, 0, 1, watch, heard_gone, watch, call_listener,
                                      &watch->callback) != napi_ok)
    return refuse(env, watch);
  watch->owners = 3;
  pthread_mutex_init(&watch->turn, NULL);
  watch->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  /* Does not keep the process alive. */
  napi_unref_threadsafe_function(env, watch->callback);
  napi_create_function(env, NULL, 0, stop, watch, &stopper);
  napi_add_finalizer(env, stopper, watch, stop_gone, NULL, NULL);
  if (watch->stop >= 0 && pthread_create(&thread, NULL, wait_for_owner, watch) == 0) {
    pthread_detach(thread);
    return stopper;
  }
  napi_release_threadsafe_function(watch->callback, napi_tsfn_release);
  leave(watch);
  return null_value(env);
}

napi_value idlewatt_watch_touches(napi_env env, napi_callback_info info) {
  size_t count = 2, length;
  napi_value parameters[2];
  struct watch *watch = calloc(1, sizeof *watch);
  if (!watch) return null_value(env);
  watch->file = -1;
  napi_get_cb_info(env, info, &count, parameters, NULL, NULL);
  if (count < 2 ||
      napi_get_value_string_utf8(env, parameters[0], watch->display, DISPLAY_MAX, &length) != napi_ok)
    return refuse(env, watch);
  return begin(env, watch, parameters[1]);
}

napi_value idlewatt_watch_file(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value parameters[2];
  int32_t file;
  struct watch *watch = calloc(1, sizeof *watch);
  if (!watch) return null_value(env);
  watch->file = -1;
  napi_get_cb_info(env, info, &count, parameters, NULL, NULL);
  if (count < 2 || napi_get_value_int32(env, parameters[0], &file) != napi_ok) return refuse(env, watch);
  /* A duplicate, so that it stays open whatever the caller does with its number later. */
  watch->file = fcntl(file, F_DUPFD_CLOEXEC, 0);
  if (watch->file < 0) return refuse(env, watch);
  return begin(env, watch, parameters[1]);
}
