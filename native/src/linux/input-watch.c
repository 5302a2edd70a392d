/* A thread that waits for owner input and calls JavaScript, without polling. */
#include "input-watch.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define DISPLAY_MAX 256

/* Watch of one display or one file. Shared by three owners: the thread, the callback, and the function that stops it. */
struct watch {
  atomic_int owners;
  atomic_bool stopped;
  int stop, file;
  /* When the process ends, Node may free the callback while the thread still runs: NULL from then on. */
  pthread_mutex_t turn;
  napi_threadsafe_function changed;
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
  /* Never blocks, because the counter is zero before. */
  (void)!write(watch->stop, &one, sizeof one);
}

/* The event passed to JavaScript is the address of one of these. */
static char input, end_of_watch;

/* Runs on the watching thread. */
static void send(struct watch *watch, char *event) {
  pthread_mutex_lock(&watch->turn);
  /* With napi_closing the callback counts as released by this thread. */
  if (watch->changed && napi_call_threadsafe_function(watch->changed, event, napi_tsfn_nonblocking) == napi_closing)
    watch->changed = NULL;
  if (watch->changed && event == &end_of_watch) napi_release_threadsafe_function(watch->changed, napi_tsfn_release);
  pthread_mutex_unlock(&watch->turn);
}

static void send_input(void *watch) { send(watch, &input); }

static void *wait_for_input(void *context) {
  struct watch *watch = context;
  if (watch->file >= 0) idlewatt_await_bytes(watch->file, watch->stop, send_input, watch);
  else idlewatt_await_input(watch->display, watch->stop, send_input, watch);
  send(watch, &end_of_watch);
  leave(watch);
  return NULL;
}

/* From here on, all functions run on JavaScript's thread. `env` is NULL while the process is ending. */
static void call_listener(napi_env env, napi_value listener, void *context, void *event) {
  const struct watch *watch = context;
  napi_value receiver, is_input;
  if (!env || watch->stopped) return;
  napi_get_undefined(env, &receiver);
  napi_get_boolean(env, event == &input, &is_input);
  napi_call_function(env, receiver, listener, 1, &is_input, NULL);
}

static void finalize_callback(napi_env env, void *context, void *hint) {
  struct watch *watch = context;
  (void)env;
  (void)hint;
  pthread_mutex_lock(&watch->turn);
  watch->changed = NULL;
  pthread_mutex_unlock(&watch->turn);
  end(watch);
  leave(watch);
}

static void finalize_stopper(napi_env env, void *context, void *hint) {
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

static napi_value reject(napi_env env, struct watch *watch) {
  if (watch && watch->file >= 0) close(watch->file);
  free(watch);
  napi_throw_type_error(env, NULL, "idlewatt: invalid parameters");
  return NULL;
}

/* Takes ownership of the watch and returns the function that ends it. */
static napi_value begin(napi_env env, struct watch *watch, napi_value listener) {
  napi_value name, stopper;
  pthread_t thread;
  if (napi_create_string_utf8(env, "idlewatt", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_threadsafe_function(env, listener, NULL, name, 0, 1, watch, finalize_callback, watch, call_listener,
                                      &watch->changed) != napi_ok)
    return reject(env, watch);
  watch->owners = 3;
  pthread_mutex_init(&watch->turn, NULL);
  watch->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  /* The watch must not keep the process alive. */
  napi_unref_threadsafe_function(env, watch->changed);
  napi_create_function(env, NULL, 0, stop, watch, &stopper);
  napi_add_finalizer(env, stopper, watch, finalize_stopper, NULL, NULL);
  if (watch->stop >= 0 && pthread_create(&thread, NULL, wait_for_input, watch) == 0) {
    pthread_detach(thread);
    return stopper;
  }
  napi_release_threadsafe_function(watch->changed, napi_tsfn_release);
  leave(watch);
  return null_value(env);
}

napi_value idlewatt_watch_input(napi_env env, napi_callback_info info) {
  size_t count = 2, length;
  napi_value parameters[2];
  struct watch *watch = calloc(1, sizeof *watch);
  if (!watch) return null_value(env);
  watch->file = -1;
  napi_get_cb_info(env, info, &count, parameters, NULL, NULL);
  if (count < 2 ||
      napi_get_value_string_utf8(env, parameters[0], watch->display, DISPLAY_MAX, &length) != napi_ok)
    return reject(env, watch);
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
  if (count < 2 || napi_get_value_int32(env, parameters[0], &file) != napi_ok) return reject(env, watch);
  /* A duplicate, so that the caller may close its descriptor. */
  watch->file = fcntl(file, F_DUPFD_CLOEXEC, 0);
  if (watch->file < 0) return reject(env, watch);
  return begin(env, watch, parameters[1]);
}
