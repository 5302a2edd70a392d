# A window for tests: `x-window.py full|part|stated|desktop` shows one on the display, gives it the keyboard, and prints a line.
import sys
from ctypes import CDLL, c_char_p, c_int, c_ulong, c_void_p, byref

x = CDLL('libX11.so.6')
x.XOpenDisplay.restype = c_void_p
x.XDefaultRootWindow.restype = c_ulong
x.XInternAtom.restype = c_ulong
x.XCreateSimpleWindow.restype = c_ulong
display = c_void_p(x.XOpenDisplay(None))
root = x.XDefaultRootWindow(display)
kind = sys.argv[1]
width, height = x.XDisplayWidth(display, 0), x.XDisplayHeight(display, 0)
if kind == 'part':
    width, height = width - 1, height - 40
window = x.XCreateSimpleWindow(display, c_ulong(root), 0, 0, width, height, 0, c_ulong(0), c_ulong(0))
if kind == 'desktop':
    name = x.XInternAtom(display, b'_NET_WM_WINDOW_TYPE', 0)
    value = c_ulong(x.XInternAtom(display, b'_NET_WM_WINDOW_TYPE_DESKTOP', 0))
    x.XChangeProperty(display, c_ulong(window), c_ulong(name), c_ulong(4), 32, 0, byref(value), 1)
if kind == 'stated':
    x.XResizeWindow(display, c_ulong(window), 200, 100)
    name = x.XInternAtom(display, b'_NET_WM_STATE', 0)
    value = c_ulong(x.XInternAtom(display, b'_NET_WM_STATE_FULLSCREEN', 0))
    x.XChangeProperty(display, c_ulong(window), c_ulong(name), c_ulong(4), 32, 0, byref(value), 1)
# A window must be visible before it can have the keyboard.
x.XSelectInput(display, c_ulong(window), c_ulong(1 << 17))
x.XMapWindow(display, c_ulong(window))
event = (c_ulong * 24)()
while (event[0] & 0xffffffff) != 19:
    x.XNextEvent(display, byref(event))
x.XSync(display, 0)
x.XSetInputFocus(display, c_ulong(window), 2, c_ulong(0))
x.XSync(display, 0)
print('shown', flush=True)
sys.stdin.read()
