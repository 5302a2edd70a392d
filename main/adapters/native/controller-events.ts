/**
 * Decodes Linux's two formats of controller events (linux/joystick.h, linux/input.h) and detects whether a person moved
 * something. Sticks drift while nobody holds them, and that must not count.
 */

/** Takes bytes as they were read, including parts of an event; returns true if a person moved something. */
export type MovementReader = (bytes: Uint8Array) => boolean;

/** An eighth of a stick's range to one side: worn sticks drift less than that. */
const STICK_STEP = 32_767 / 8;

const JOYSTICK_EVENT_BYTES = 8;
const JOYSTICK_BUTTON = 1;
const JOYSTICK_AXIS = 2;
/** Flag of the events with the state at opening, which are no movement. */
const JOYSTICK_INITIAL = 0x80;

/** Creates a reader for `/dev/input/js*`. */
export function createJoystickReader(): MovementReader {
  const counted = new Map<number, number>();
  return inWholeEvents(JOYSTICK_EVENT_BYTES, (event) => {
    const value = event.getInt16(4, true);
    const type = event.getUint8(6);
    const number = event.getUint8(7);
    if ((type & ~JOYSTICK_INITIAL) === JOYSTICK_AXIS) {
      const moved = Math.abs(value - (counted.get(number) ?? 0)) >= STICK_STEP;
      // Compared with the last position that counted, so that slow drift in small steps counts only after a long way.
      if (moved || (type & JOYSTICK_INITIAL) !== 0) counted.set(number, value);
      return moved && (type & JOYSTICK_INITIAL) === 0;
    }
    return type === JOYSTICK_BUTTON;
  });
}

/** Two C longs of time, then type, code and value. */
const INPUT_EVENT_BYTES = 24;
const KEY = 1;
const ABSOLUTE = 3;
const HAT_FIRST = 0x10;
const HAT_LAST = 0x17;

/** Creates a reader for `/dev/input/event*` on 64-bit systems. Events lack the sticks' range, so only buttons and hats count. */
export function createEventFileReader(): MovementReader {
  return inWholeEvents(INPUT_EVENT_BYTES, (event) => {
    const type = event.getUint16(16, true);
    const code = event.getUint16(18, true);
    return type === KEY || (type === ABSOLUTE && code >= HAT_FIRST && code <= HAT_LAST);
  });
}

const GAME_BUTTON_FIRST = 0x120;
const GAME_BUTTON_LAST = 0x13e;

/** Detects a controller by `capabilities/key` of sysfs: 64-bit words in hexadecimal, the highest first. */
export function hasGameButtons(keys: string): boolean {
  const words = keys.split(/\s+/).filter((word) => /^[0-9a-f]{1,16}$/i.test(word));
  const bits = words.reduce((all, word) => (all << 64n) | BigInt(`0x${word}`), 0n);
  const mask = (1n << BigInt(GAME_BUTTON_LAST - GAME_BUTTON_FIRST + 1)) - 1n;
  return ((bits >> BigInt(GAME_BUTTON_FIRST)) & mask) !== 0n;
}

function inWholeEvents(size: number, isMovement: (event: DataView) => boolean): MovementReader {
  let rest = new Uint8Array(0);
  return (bytes) => {
    const all = new Uint8Array(rest.length + bytes.length);
    all.set(rest);
    all.set(bytes, rest.length);
    const whole = all.length - (all.length % size);
    let moved = false;
    for (let at = 0; at < whole; at += size) moved = isMovement(new DataView(all.buffer, at, size)) || moved;
    rest = all.slice(whole);
    return moved;
  };
}
