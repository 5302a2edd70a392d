/* The owner's hand on mouse or keyboard, told by the system at once instead of asked for. */
#ifndef IDLEWATT_TOUCH_H
#define IDLEWATT_TOUCH_H

#include <node_api.h>

/*
 * Calls `touched` when the owner comes back to the X server `display` after about a second without input, at most
 * once a second. Returns when `stop` can be read, the server goes away, or it cannot tell. May wait for another
 * program: on a thread of its own.
 */
void idlewatt_await_touches(const char *display, int stop, void (*touched)(void *), void *context);

/*
 * Calls `touched` when something new can be read from `file`, at most once in 20 ms. Returns when `stop` can be read or
 * the device is gone.
 */
void idlewatt_await_bytes(int file, int stop, void (*touched)(void *), void *context);

/* watchTouches(display: string, heard: (touched: boolean) => void): (() => void) | null */
napi_value idlewatt_watch_touches(napi_env env, napi_callback_info info);

/* watchFile(file: number, heard: (readable: boolean) => void): (() => void) | null */
napi_value idlewatt_watch_file(napi_env env, napi_callback_info info);

#endif
