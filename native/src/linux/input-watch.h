/* Reports owner input from events of the system instead of polling. */
#ifndef IDLEWATT_TOUCH_H
#define IDLEWATT_TOUCH_H

#include <node_api.h>

/*
 * Calls `touched` when input arrives at the X server `display` after about a second without, at most once per second.
 * Returns when `stop` is readable, when the server goes away, or if the server can't report input. May wait for
 * another process, so call it on a separate thread.
 */
void idlewatt_await_touches(const char *display, int stop, void (*touched)(void *), void *context);

/*
 * Calls `touched` when new data can be read from `file`, at most once in 20 ms. Returns when `stop` is readable or the
 * device is gone.
 */
void idlewatt_await_bytes(int file, int stop, void (*touched)(void *), void *context);

/* watchTouches(display: string, callback: (touched: boolean) => void): (() => void) | null */
napi_value idlewatt_watch_touches(napi_env env, napi_callback_info info);

/* watchFile(file: number, callback: (readable: boolean) => void): (() => void) | null */
napi_value idlewatt_watch_file(napi_env env, napi_callback_info info);

#endif
