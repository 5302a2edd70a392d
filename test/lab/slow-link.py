"""Carries the frames between a router of the lab and the public bridge, each of them late. This kernel has no netem.

slow-link.py INNER-HOST OUTER-HOST OUTER-DEVICE MILLISECONDS: one way. Ends with the lab, which holds its standard input.
"""
import ctypes, fcntl, os, select, struct, sys, time
from collections import deque

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
TAP_WITHOUT_HEADER = 0x1002
FRAMES_MAX = 20_000
inner, outer, device, delay_ms = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
libc = ctypes.CDLL(None, use_errno=True)


def tap(host, name):
    with open("/run/netns/" + host) as space:
        if libc.setns(space.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    opened = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(opened, TUNSETIFF, struct.pack("16sH22x", name.encode(), TAP_WITHOUT_HEADER))
    return opened


inside, outside = tap(inner, "wan"), tap(outer, device)
other, late = {inside: outside, outside: inside}, deque()
poll = select.poll()
poll.register(inside, select.POLLIN)
poll.register(outside, select.POLLIN)
poll.register(0, 0)
while True:
    now = time.monotonic()
    while late and late[0][0] <= now:
        _, target, frame = late.popleft()
        try:
            os.write(target, frame)
        except OSError:
            pass
    for ready, event in poll.poll(max(0, late[0][0] - time.monotonic()) * 1000 + 1 if late else None):
        if ready == 0:
            sys.exit(0)
        try:
            while len(late) < FRAMES_MAX:
                late.append((time.monotonic() + delay_ms / 1000, other[ready], os.read(ready, 65_536)))
        except BlockingIOError:
            pass
