/* Node-API functions around the platform's readings. Calls that take time run on a thread of Node's pool. */
#define NAPI_VERSION 8
#include "dumps.h"
#include "input.h"
#include "nvml.h"
#ifdef __linux__
#include "linux/input-watch.h"
#else
#include "confine.h"
#endif

#include <node_api.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 1024

static napi_value null_value(napi_env env) {
  napi_value value;
  napi_get_null(env, &value);
  return value;
}

/* Negative means unknown everywhere below. */
static napi_value number_or_null(napi_env env, double number) {
  napi_value value;
  if (number < 0) return null_value(env);
  napi_create_double(env, number, &value);
  return value;
}

static void set(napi_env env, napi_value object, const char *name, napi_value value) {
  napi_set_named_property(env, object, name, value);
}

static napi_value text(napi_env env, const char *characters) {
  napi_value value;
  napi_create_string_utf8(env, characters, NAPI_AUTO_LENGTH, &value);
  return value;
}

/* Returns false if the value isn't a string or is too long; gives an empty string for null. */
static bool read_text(napi_env env, napi_value value, char *into) {
  napi_valuetype type;
  size_t length = 0;
  *into = 0;
  napi_typeof(env, value, &type);
  if (type == napi_null) return true;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok || length >= TEXT_MAX) return false;
  return napi_get_value_string_utf8(env, value, into, TEXT_MAX, &length) == napi_ok;
}

static napi_value reject(napi_env env) {
  napi_throw_type_error(env, NULL, "idlewatt: invalid parameters");
  return NULL;
}

/* One pending call: its result is read on a pool thread and converted to JavaScript on the main thread. */
struct call {
  napi_async_work work;
  napi_deferred deferred;
  void (*read)(struct call *);
  napi_value (*convert)(napi_env, struct call *);
  char parameter[TEXT_MAX];
  uint64_t since_us;
  struct input_reading input;
  struct nvml_reading *cards;
};

static void execute(napi_env env, void *data) {
  (void)env;
  struct call *call = data;
  call->read(call);
}

static void complete(napi_env env, napi_status status, void *data) {
  struct call *call = data;
  napi_value result = status == napi_ok ? call->convert(env, call) : null_value(env);
  napi_resolve_deferred(env, call->deferred, result);
  napi_delete_async_work(env, call->work);
  free(call->cards);
  free(call);
}

static napi_value begin(napi_env env, struct call *call) {
  napi_value promise;
  napi_create_promise(env, &call->deferred, &promise);
  napi_create_async_work(env, NULL, text(env, "idlewatt"), execute, complete, call, &call->work);
  napi_queue_async_work(env, call->work);
  return promise;
}

static void call_input(struct call *call) {
  call->input = idlewatt_read_input(*call->parameter ? call->parameter : NULL);
}

static napi_value convert_input(napi_env env, struct call *call) {
  napi_value object, full_screen = null_value(env);
  napi_create_object(env, &object);
  if (call->input.full_screen >= 0) napi_get_boolean(env, call->input.full_screen, &full_screen);
  set(env, object, "idleMs", number_or_null(env, (double)call->input.idle_ms));
  set(env, object, "fullScreen", full_screen);
  return object;
}

/* readInput(display: string | null): Promise<{idleMs, fullScreen}> */
static napi_value read_input(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value parameter;
  struct call *call = calloc(1, sizeof *call);
  napi_get_cb_info(env, info, &count, &parameter, NULL, NULL);
  if (!call || count < 1 || !read_text(env, parameter, call->parameter)) {
    free(call);
    return reject(env);
  }
  call->read = call_input;
  call->convert = convert_input;
  return begin(env, call);
}

static void call_cards(struct call *call) {
  call->cards = malloc(sizeof *call->cards);
  if (!call->cards) return;
  if (idlewatt_read_nvml(*call->parameter ? call->parameter : NULL, call->since_us, call->cards))
    return;
  free(call->cards);
  call->cards = NULL;
}

static napi_value convert_card(napi_env env, const struct nvml_card *card) {
  napi_value object, list;
  napi_create_object(env, &object);
  set(env, object, "name", *card->name ? text(env, card->name) : null_value(env));
  set(env, object, "uuid", *card->uuid ? text(env, card->uuid) : null_value(env));
  set(env, object, "loadPercent", number_or_null(env, card->load_percent));
  set(env, object, "memoryUsedBytes", number_or_null(env, card->memory_used_bytes));
  set(env, object, "memoryTotalBytes", number_or_null(env, card->memory_total_bytes));
  set(env, object, "watts", number_or_null(env, card->watts));
  set(env, object, "celsius", number_or_null(env, card->celsius));
  list = null_value(env);
  if (card->holder_count >= 0) napi_create_array(env, &list);
  for (int i = 0; i < card->holder_count; i++) {
    napi_value holder;
    napi_create_object(env, &holder);
    set(env, holder, "pid", number_or_null(env, card->holders[i].pid));
    set(env, holder, "memoryBytes", number_or_null(env, card->holders[i].memory_bytes));
    napi_set_element(env, list, (uint32_t)i, holder);
  }
  set(env, object, "holders", list);
  list = null_value(env);
  if (card->sample_count >= 0) napi_create_array(env, &list);
  for (int i = 0; i < card->sample_count; i++) {
    napi_value sample;
    napi_create_object(env, &sample);
    set(env, sample, "pid", number_or_null(env, card->samples[i].pid));
    set(env, sample, "atUs", number_or_null(env, (double)card->samples[i].at_us));
    set(env, sample, "loadPercent", number_or_null(env, card->samples[i].load_percent));
    napi_set_element(env, list, (uint32_t)i, sample);
  }
  set(env, object, "samples", list);
  return object;
}

static napi_value convert_cards(napi_env env, struct call *call) {
  napi_value list;
  if (!call->cards) return null_value(env);
  napi_create_array(env, &list);
  for (int i = 0; i < call->cards->count; i++)
    napi_set_element(env, list, (uint32_t)i, convert_card(env, &call->cards->card[i]));
  return list;
}

/* readCards(library: string | null, sinceUs: number): Promise<Card[] | null> */
static napi_value read_cards(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value parameters[2];
  double since_us;
  struct call *call = calloc(1, sizeof *call);
  napi_get_cb_info(env, info, &count, parameters, NULL, NULL);
  if (!call || count < 2 || !read_text(env, parameters[0], call->parameter) ||
      napi_get_value_double(env, parameters[1], &since_us) != napi_ok || !(since_us >= 0)) {
    free(call);
    return reject(env);
  }
  call->since_us = (uint64_t)since_us;
  call->read = call_cards;
  call->convert = convert_cards;
  return begin(env, call);
}

/* controllerIdleMs(): number | null */
static napi_value controller_idle(napi_env env, napi_callback_info info) {
  (void)info;
  return number_or_null(env, (double)idlewatt_controller_idle_ms());
}

/* preventDumps(): boolean */
static napi_value prevent_dumps(napi_env env, napi_callback_info info) {
  napi_value value;
  (void)info;
  napi_get_boolean(env, idlewatt_prevent_dumps(), &value);
  return value;
}

/* confine(memoryBytesMax: number, parentPid: number): string, the active parts; empty on Linux. */
static napi_value confine(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value parameters[2];
  double memory_bytes_max;
  int32_t parent;
  char active[TEXT_MAX] = "";
  napi_get_cb_info(env, info, &count, parameters, NULL, NULL);
  if (count < 2 || napi_get_value_double(env, parameters[0], &memory_bytes_max) != napi_ok ||
      !(memory_bytes_max > 0) || napi_get_value_int32(env, parameters[1], &parent) != napi_ok)
    return reject(env);
#ifndef __linux__
  idlewatt_confine((uint64_t)memory_bytes_max, parent, active);
#endif
  return text(env, active);
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor properties[] = {
      {"readInput", NULL, read_input, NULL, NULL, NULL, napi_enumerable, NULL},
      {"readCards", NULL, read_cards, NULL, NULL, NULL, napi_enumerable, NULL},
      {"controllerIdleMs", NULL, controller_idle, NULL, NULL, NULL, napi_enumerable, NULL},
      {"confine", NULL, confine, NULL, NULL, NULL, napi_enumerable, NULL},
      {"preventDumps", NULL, prevent_dumps, NULL, NULL, NULL, napi_enumerable, NULL},
#ifdef __linux__
      {"watchInput", NULL, idlewatt_watch_input, NULL, NULL, NULL, napi_enumerable, NULL},
      {"watchFile", NULL, idlewatt_watch_file, NULL, NULL, NULL, napi_enumerable, NULL},
#endif
  };
  napi_define_properties(env, exports, sizeof properties / sizeof *properties, properties);
  return exports;
}
