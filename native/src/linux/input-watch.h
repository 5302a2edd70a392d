/* Watches that report owner input immediately, without polling. */
#ifndef IDLEWATT_INPUT_WATCH_H
#define IDLEWATT_INPUT_WATCH_H

#include <node_api.h>

/*
 * Calls `notify` on the first input at the X server `display` after about one second without input, at most once per
 * second. Returns when `stop` becomes readable, the server goes away, or it can't report input. May wait for another
 * program, so it needs a thread of its own.
 */
void idlewatt_await_input(const char *display, int stop, void (*notify)(void *), void *context);

/*
 * Calls `notify` when new bytes can be read from `file`, at most once per 20 ms. Returns when `stop` becomes readable or
 * the device is gone.
 */
void idlewatt_await_bytes(int file, int stop, void (*notify)(void *), void *context);

/* watchInput(display: string, changed: (isInput: boolean) => void): (() => void) | null */
napi_value idlewatt_watch_input(napi_env env, napi_callback_info info);

/* watchFile(file: number, changed: (isReadable: boolean) => void): (() => void) | null */
napi_value idlewatt_watch_file(napi_env env, napi_callback_info info);

#endif
