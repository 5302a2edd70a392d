/**
 * Pointer and keyboard for a virtual display: real events of the X server, for parts that belong to the system and
 * not to a page (the tray's menu, native dialogs). Uses XTEST through the installed X libraries, from Python.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const PROGRAM = `
import sys, time
from ctypes import CDLL, c_char_p, c_ulong, c_void_p
x, t = CDLL('libX11.so.6'), CDLL('libXtst.so.6')
x.XOpenDisplay.restype = c_void_p
x.XStringToKeysym.restype = c_ulong
x.XKeysymToKeycode.argtypes = [c_void_p, c_ulong]
display = c_void_p(x.XOpenDisplay(None))
def act(verb, *rest):
    if verb == 'move':
        t.XTestFakeMotionEvent(display, -1, int(rest[0]), int(rest[1]), c_ulong(0))
    for chord in rest if verb == 'press' else []:
        codes = [x.XKeysymToKeycode(display, x.XStringToKeysym(c_char_p(key.encode()))) for key in chord.split('+')]
        for code in codes:
            t.XTestFakeKeyEvent(display, code, 1, c_ulong(0))
        for code in reversed(codes):
            t.XTestFakeKeyEvent(display, code, 0, c_ulong(0))
    x.XSync(display, 0)
if len(sys.argv) > 1:
    act(*sys.argv[1:])
else:
    for line in sys.stdin:
        print(time.time() * 1000, flush=True)
        act(*line.split())
`;

/** Presses keys by their X names one after the other: `Down`, `Return`; a chord is `Control_L+Alt_L+i`. */
export function pressKeys(environment: { readonly DISPLAY: string }, ...keys: string[]): void {
  run(environment, ['press', ...keys]);
}

export function movePointer(environment: { readonly DISPLAY: string }, x: number, y: number): void {
  run(environment, ['move', String(x), String(y)]);
}

/** Input from a process that is already running, to measure the time from an input to its effect. */
export interface VirtualHand {
  /** Returns the time just before the input, in milliseconds since the epoch. */
  press(key: string): Promise<number>;
  move(x: number, y: number): Promise<number>;
  close(): Promise<void>;
}

export function openVirtualHand({ DISPLAY }: { readonly DISPLAY: string }): VirtualHand {
  const program = spawn('python3', ['-c', PROGRAM], {
    env: { ...process.env, DISPLAY },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: program.stdout });
  const act = async (line: string) => {
    const acted = once(lines, 'line');
    program.stdin.write(`${line}\n`);
    const [moment] = await acted;
    return Number(moment);
  };
  return {
    press: (key) => act(`press ${key}`),
    move: (x, y) => act(`move ${x} ${y}`),
    async close() {
      const ended = once(program, 'exit');
      program.stdin.end();
      await ended;
    },
  };
}

function run({ DISPLAY }: { readonly DISPLAY: string }, parameters: string[]): void {
  execFileSync('python3', ['-c', PROGRAM, ...parameters], { env: { ...process.env, DISPLAY } });
}
