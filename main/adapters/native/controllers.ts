/**
 * Game controllers: seconds since a button or a stick moved. On Linux each is a file that is read without waiting;
 * on Windows the native part asks. With no controller connected there is nothing to say.
 */
import { closeSync, constants, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { loadNative, type Native } from '../../../native/index.ts';
import type { Sensor } from '../../ports/sensors.ts';
import {
  createEventFileReader,
  createJoystickReader,
  hasGameButtons,
  type MovementReader,
} from './controller-events.ts';

export interface ControllerSensorOptions {
  /** Where the devices are. Default `/dev/input`. */
  readonly devices?: string;
  /** Where the kernel describes them. Default `/sys/class/input`. */
  readonly descriptions?: string;
  readonly native?: Native;
  readonly platform?: NodeJS.Platform;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

interface OpenController {
  readonly file: number;
  readonly movement: MovementReader;
}

const READ_BYTES = 4_096;
/** A stick that never rests must not hold us here. */
const READS_MAX = 64;

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
  const devices = options.devices ?? '/dev/input';
  const descriptions = options.descriptions ?? '/sys/class/input';
  const controllers = new Map<string, OpenController>();
  const buffer = Buffer.alloc(READ_BYTES);
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
        controllers.set(name, { file, movement });
        // Plugged in, or there before us: what it did before is not known, so it counts from now.
        movedAtMs ??= now();
      } catch {
        // Another seat's, or already gone.
      }
    }
  }

  /** Whether it was moved since the last look; null when it is gone. */
  function look({ file, movement }: OpenController): boolean | null {
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

  return {
    name: 'controllers',
    async read() {
      connect();
      for (const [name, controller] of controllers) {
        const moved = look(controller);
        if (moved) movedAtMs = now();
        if (moved !== null) continue;
        closeSync(controller.file);
        controllers.delete(name);
      }
      if (controllers.size === 0) movedAtMs = null;
      const atMs = now();
      return { controllerIdleSeconds: seconds(movedAtMs === null ? null : atMs - movedAtMs, atMs) };
    },
    close() {
      for (const { file } of controllers.values()) closeSync(file);
      controllers.clear();
    },
  };
}

/** A joystick's file where the kernel makes one, since that knows dead zones; else the raw events of the same device. */
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
