/**
 * Sensor for game controllers: seconds since a button or a stick moved; null without a controller. On Linux each
 * controller is a file that is read without blocking, and the native part reports new bytes immediately; on Windows the
 * native part polls.
 */
import { closeSync, constants, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { loadNative, type Native } from '../../../native/index.ts';
import type { PartialReadings } from '../../../shared/readings.ts';
import type { Sensor } from '../../ports/sensors.ts';
import {
  createEventFileReader,
  createJoystickReader,
  hasGameButtons,
  type MovementReader,
} from './controller-events.ts';

export interface ControllerSensorOptions {
  /** Folder of the devices. Default `/dev/input`. */
  readonly devices?: string;
  /** Folder of the kernel's descriptions of them. Default `/sys/class/input`. */
  readonly descriptions?: string;
  readonly native?: Native;
  readonly platform?: NodeJS.Platform;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

interface OpenController {
  readonly file: number;
  readonly movement: MovementReader;
  /** Ends the watch of the file; null without a watch. */
  endWatch: (() => void) | null;
}

const READ_BYTES = 4_096;
/** Limits the reads per poll, for a stick that never rests. */
const READS_MAX = 64;
/** Idle time after which the next movement counts as the owner's return. */
const AWAY_MS = 1_000;

export function createControllerSensor(options: ControllerSensorOptions = {}): Sensor {
  const platform = options.platform ?? process.platform;
  const now = options.now ?? Date.now;
  return platform === 'linux' ? createFileSensor(options, now) : createNativeSensor(options, now);
}

function createNativeSensor(options: ControllerSensorOptions, now: () => number): Sensor {
  const native = options.native ?? loadNative();
  return {
    name: 'controllers',
    async read() {
      const idleMs = native.controllerIdleMs();
      return { controllerIdleSeconds: seconds(idleMs, now()) };
    },
    close() {},
  };
}

function createFileSensor(options: ControllerSensorOptions, now: () => number): Sensor {
  const native = options.native ?? loadNative();
  const devices = options.devices ?? '/dev/input';
  const descriptions = options.descriptions ?? '/sys/class/input';
  const controllers = new Map<string, OpenController>();
  const buffer = Buffer.alloc(READ_BYTES);
  const listeners = new Set<(readings: PartialReadings) => void>();
  let movedAtMs: number | null = null;

  function connect(): void {
    for (const name of namesIn(devices)) {
      if (controllers.has(name)) continue;
      const movement = readerOf(name, namesIn(join(descriptions, name, 'device')), () =>
        textOf(join(descriptions, name, 'device/capabilities/key')),
      );
      if (movement === null) continue;
      try {
        const file = openSync(join(devices, name), constants.O_RDONLY | constants.O_NONBLOCK);
        controllers.set(name, { file, movement, endWatch: null });
        // Idle time counts from now, because earlier movements are unknown.
        movedAtMs ??= now();
      } catch {
        // The device belongs to another seat, or is gone already.
      }
    }
  }

  /** Reads the new events of a controller; returns true if they are the owner's return. */
  function check(name: string, controller: OpenController): boolean {
    const moved = readMovement(controller);
    if (moved === null) {
      close(controller);
      controllers.delete(name);
    }
    if (moved !== true) return false;
    const returned = movedAtMs === null || now() - movedAtMs >= AWAY_MS;
    movedAtMs = now();
    return returned;
  }

  /** Returns true if something moved since the last call; null if the device is gone. */
  function readMovement({ file, movement }: OpenController): boolean | null {
    let moved = false;
    for (let reads = 0; reads < READS_MAX; reads += 1) {
      try {
        const length = readSync(file, buffer);
        if (length === 0) break;
        moved = movement(buffer.subarray(0, length)) || moved;
      } catch (error) {
        return error instanceof Error && 'code' in error && error.code === 'EAGAIN' ? moved : null;
      }
    }
    return moved;
  }

  function watch(name: string, controller: OpenController): void {
    controller.endWatch ??= native.watchFile(controller.file, () => {
      // The device may be gone, and another one may have its name.
      if (controllers.get(name) !== controller || !check(name, controller)) return;
      const readings = { controllerIdleSeconds: seconds(0, now()) };
      for (const listener of listeners) listener(readings);
    });
  }

  function close({ file, endWatch }: OpenController): void {
    endWatch?.();
    closeSync(file);
  }

  return {
    name: 'controllers',
    async read() {
      connect();
      for (const [name, controller] of controllers) {
        check(name, controller);
        if (listeners.size > 0 && controllers.has(name)) watch(name, controller);
      }
      if (controllers.size === 0) movedAtMs = null;
      const atMs = now();
      return { controllerIdleSeconds: seconds(movedAtMs === null ? null : atMs - movedAtMs, atMs) };
    },
    onOwner(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      for (const controller of controllers.values()) close(controller);
      controllers.clear();
    },
  };
}

/** Prefers the joystick file where the kernel creates one, since it accounts for dead zones; else the raw event file. */
function readerOf(name: string, siblings: readonly string[], keys: () => string): MovementReader | null {
  if (/^js\d+$/.test(name)) return createJoystickReader();
  if (!/^event\d+$/.test(name) || siblings.some((sibling) => /^js\d+$/.test(sibling))) return null;
  return hasGameButtons(keys()) ? createEventFileReader() : null;
}

function seconds(idleMs: number | null, atMs: number) {
  return idleMs === null ? null : { value: Math.max(0, idleMs) / 1000, source: 'controllers', atMs };
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
