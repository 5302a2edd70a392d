/* Node-API functions of the addon around the platform's readings. Slow calls run on a thread of Node's pool. */
#define NAPI_VERSION 8
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

/* Returns false if it is not a string or too long; null gives an empty string. */
static bool read_text(napi_env env, napi_value value, char *into) {
  napi_valuetype type;
  size_t length = 0;
  *into = 0;
  napi_typeof(env, value, &type);
  if (type == napi_null) return true;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok || length >= TEXT_MAX) return false;
  return napi_get_value_string_utf8(env, value, into, TEXT_MAX, &length) == napi_ok;
}

static napi_value refuse(napi_env env) {
  napi_throw_type_error(env, NULL, "idlewatt: wrong parameters");
  return NULL;
}

/* A pending query: filled on the pool's thread, converted to JavaScript on the main thread. */
struct question {
  napi_async_work work;
  napi_deferred deferred;
  void (*ask)(struct question *);
  napi_value (*answer)(napi_env, struct question *);
  char parameter[TEXT_MAX];
  uint64_t since_us;
  struct input_reading input;
  struct nvml_reading *cards;
};

static void execute(napi_env env, void *data) {
  (void)env;
  struct question *question = data;
  question->ask(question);
}

static void complete(napi_env env, napi_status status, void *data) {
  struct question *question = data;
  napi_value result = status == napi_ok ? question->answer(env, question) : null_value(env);
  napi_resolve_deferred(env, question->deferred, result);
  napi_delete_async_work(env, question->work);
  free(question->cards);
  free(question);
}

static napi_value begin(napi_env env, struct question *question) {
  napi_value promise;
  napi_create_promise(env, &question->deferred, &promise);
  napi_create_async_work(env, NULL, text(env, "idlewatt"), execute, complete, question, &question->work);
  napi_queue_async_work(env, question->work);
  return promise;
}

static void ask_input(struct question *question) {
  question->input = idlewatt_read_input(*question->parameter ? question->parameter : NULL);
}

static napi_value answer_input(napi_env env, struct question *question) {
  napi_value object, full_screen = null_value(env);
  napi_create_object(env, &object);
  if (question->input.full_screen >= 0) napi_get_boolean(env, question->input.full_screen, &full_screen);
  set(env, object, "idleMs", number_or_null(env, (double)question->input.idle_ms));
  set(env, object, "fullScreen", full_screen);
  return object;
}

/* readInput(display: string | null): Promise<{idleMs, fullScreen}> */
static napi_value read_input(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value parameter;
  struct question *question = calloc(1, sizeof *question);
  napi_get_cb_info(env, info, &count, &parameter, NULL, NULL);
  if (!question || count < 1 || !read_text(env, parameter, question->parameter)) {
    free(question);
    return refuse(env);
  }
  question->ask = ask_input;
  question->answer = answer_input;
  return begin(env, question);
}

static void ask_cards(struct question *question) {
  question->cards = malloc(sizeof *question->cards);
  if (!question->cards) return;
  if (idlewatt_read_nvml(*question->parameter ? question->parameter : NULL, question->since_us, question->cards))
    return;
  free(question->cards);
  question->cards = NULL;
}

static napi_value answer_card(napi_env env, const struct nvml_card *card) {
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

static napi_value answer_cards(napi_env env, struct question *question) {
  napi_value list;
  if (!question->cards) return null_value(env);
  napi_create_array(env, &list);
  for (int i = 0; i < question->cards->count; i++)
    napi_set_element(env, list, (uint32_t)i, answer_card(env, &question->cards->card[i]));
  return list;
}

/* readCards(library: string | null, sinceUs: number): Promise<Card[] | null> */
static napi_value read_cards(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value parameters[2];
  double since_us;
  struct question *question = calloc(1, sizeof *question);
  napi_get_cb_info(env, info, &count, parameters, NULL, NULL);
  if (!question || count < 2 || !read_text(env, parameters[0], question->parameter) ||
      napi_get_value_double(env, parameters[1], &since_us) != napi_ok || !(since_us >= 0)) {
    free(question);
    return refuse(env);
  }
  question->since_us = (uint64_t)since_us;
  question->ask = ask_cards;
  question->answer = answer_cards;
  return begin(env, question);
}

/* controllerIdleMs(): number | null */
static napi_value controller_idle(napi_env env, napi_callback_info info) {
  (void)info;
  return number_or_null(env, (double)idlewatt_controller_idle_ms());
}

/* confine(memoryBytesMax: number, parentPid: number): string, the active parts; empty on Linux. */
static napi_value confine(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value parameters[2];
  double memory_bytes_max;
  int32_t parent;
  char active_parts[TEXT_MAX] = "";
  napi_get_cb_info(env, info, &count, parameters, NULL, NULL);
  if (count < 2 || napi_get_value_double(env, parameters[0], &memory_bytes_max) != napi_ok ||
      !(memory_bytes_max > 0) || napi_get_value_int32(env, parameters[1], &parent) != napi_ok)
    return refuse(env);
#ifndef __linux__
  idlewatt_confine((uint64_t)memory_bytes_max, parent, active_parts);
#endif
  return text(env, active_parts);
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor properties[] = {
      {"readInput", NULL, read_input, NULL, NULL, NULL, napi_enumerable, NULL},
      {"readCards", NULL, read_cards, NULL, NULL, NULL, napi_enumerable, NULL},
      {"controllerIdleMs", NULL, controller_idle, NULL, NULL, NULL, napi_enumerable, NULL},
      {"confine", NULL, confine, NULL, NULL, NULL, napi_enumerable, NULL},
#ifdef __linux__
      {"watchTouches", NULL, idlewatt_watch_touches, NULL, NULL, NULL, napi_enumerable, NULL},
      {"watchFile", NULL, idlewatt_watch_file, NULL, NULL, NULL, napi_enumerable, NULL},
#endif
  };
  napi_define_properties(env, exports, sizeof properties / sizeof *properties, properties);
  return exports;
}
