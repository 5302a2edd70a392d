/** What a Linux desktop says over its message buses about its owner, its power and its network. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { moreCareful, type PartialReadings, type ReadingName } from '../../../shared/readings.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Sensor } from '../../ports/sensors.ts';
import { type BusConnection, connectBus, type Question } from './connection.ts';
import { createOwnerWatch } from './owner-watch.ts';
import { type Ask, circumstances, IDLE_TIMES } from './questions.ts';

/** Addresses as the D-Bus specification writes them; null is a machine without that bus. */
export interface BusAddresses {
  readonly system: string | null;
  readonly session: string | null;
}

/** Often enough for a film that begins; each look costs a few questions. */
const CIRCUMSTANCES_EVERY_MS = 5_000;
const SYSTEM_SOCKETS = ['/run/dbus/system_bus_socket', '/var/run/dbus/system_bus_socket'];

/** Of this process's own session and system; none outside of Linux. */
export function busAddresses(environment: NodeJS.ProcessEnv = process.env): BusAddresses {
  if (process.platform !== 'linux') return { system: null, session: null };
  const systemSocket = SYSTEM_SOCKETS.find((path) => existsSync(path));
  const runtime = environment.XDG_RUNTIME_DIR;
  const sessionSocket = runtime === undefined ? null : join(runtime, 'bus');
  return {
    system: environment.DBUS_SYSTEM_BUS_ADDRESS ?? (systemSocket ? `unix:path=${systemSocket}` : null),
    session:
      environment.DBUS_SESSION_BUS_ADDRESS ??
      (sessionSocket !== null && existsSync(sessionSocket) ? `unix:path=${sessionSocket}` : null),
  };
}

export function createDesktopBusSensor({
  addresses,
  clock,
}: {
  readonly addresses: BusAddresses;
  readonly clock: Clock;
}): Sensor {
  const buses = {
    system: connectBus(addresses.system, clock),
    session: connectBus(addresses.session, clock),
  };
  const listeners = new Set<(seen: PartialReadings) => void>();
  const watch = createOwnerWatch(buses.session, () => {
    const seen = { inputIdleSeconds: { value: 0, source: 'mutter', atMs: clock.now() } };
    for (const listener of listeners) listener(seen);
  });
  let slowAtMs = Number.NEGATIVE_INFINITY;
  let session: string | null = null;
  return {
    name: 'dbus',
    async read() {
      const nowMs = clock.monotonic();
      const slow = nowMs - slowAtMs >= CIRCUMSTANCES_EVERY_MS;
      if (slow) {
        slowAtMs = nowMs;
        session ??= await ownSession(buses.system);
      }
      const asks = slow ? [...IDLE_TIMES, ...circumstances(session)] : IDLE_TIMES;
      const answers = await Promise.all(asks.map((ask) => answered(ask, buses[ask.bus], clock)));
      const said = answers.reduce(careful, {});
      if (listeners.size > 0) await watch.look(said.inputIdleSeconds?.value ?? null);
      return said;
    },
    onOwner(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      buses.system.close();
      buses.session.close();
    },
  };
}

/** The object path of the logind session that this process belongs to, or of the one its owner works in. */
async function ownSession(system: BusConnection): Promise<string | null> {
  const question: Question = {
    name: 'org.freedesktop.login1',
    path: '/org/freedesktop/login1',
    interface: 'org.freedesktop.login1.Manager',
    member: 'GetSession',
    signature: 's',
    body: ['auto'],
  };
  const path = await system.ask(question);
  return typeof path === 'string' && path.startsWith('/org/freedesktop/login1/session/') ? path : null;
}

async function answered(ask: Ask, bus: BusConnection, clock: Clock): Promise<PartialReadings> {
  const answer = await bus.ask(ask.question);
  if (answer === null && ask.otherwise !== undefined) return answered(ask.otherwise, bus, clock);
  const atMs = clock.now();
  const values = Object.entries(answer === null ? {} : ask.read(answer)).filter(
    ([, value]) => value !== undefined,
  );
  return Object.fromEntries(values.map(([name, value]) => [name, { value, source: ask.source, atMs }]));
}

/** Two services may know the same thing. */
function careful(left: PartialReadings, right: PartialReadings): PartialReadings {
  const merged: Record<string, unknown> = { ...left };
  for (const name of Object.keys(right) as ReadingName[]) {
    const [before, next] = [left[name], right[name]];
    if (next) merged[name] = before ? moreCareful(name, before, next) : next;
  }
  return merged as PartialReadings;
}
