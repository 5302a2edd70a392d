/** Sensor for what a Linux desktop reports over its message buses: owner input, session, power and network. */
import { moreCareful, type PartialReadings, type ReadingName } from '../../../shared/readings.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Sensor } from '../../ports/sensors.ts';
import type { BusAddresses } from './bus-addresses.ts';
import { type BusConnection, connectBus, type MethodCall } from './connection.ts';
import { createOwnerWatch } from './owner-watch.ts';
import { desktopQueries, IDLE_TIME_QUERIES, type Query } from './queries.ts';

/** Often enough to notice that a film begins; each round costs a few calls. */
const DESKTOP_INTERVAL_MS = 5_000;

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
  const listeners = new Set<(readings: PartialReadings) => void>();
  const watch = createOwnerWatch(buses.session, () => {
    const readings = { inputIdleSeconds: { value: 0, source: 'mutter', atMs: clock.now() } };
    for (const listener of listeners) listener(readings);
  });
  let desktopAtMs = Number.NEGATIVE_INFINITY;
  let session: string | null = null;
  return {
    name: 'dbus',
    async read() {
      const nowMs = clock.monotonic();
      const isDesktopDue = nowMs - desktopAtMs >= DESKTOP_INTERVAL_MS;
      if (isDesktopDue) {
        desktopAtMs = nowMs;
        session ??= await ownSession(buses.system);
      }
      const queries = isDesktopDue ? [...IDLE_TIME_QUERIES, ...desktopQueries(session)] : IDLE_TIME_QUERIES;
      const results = await Promise.all(queries.map((query) => run(query, buses[query.bus], clock)));
      const readings = results.reduce(merge, {});
      if (listeners.size > 0) await watch.update(readings.inputIdleSeconds?.value ?? null);
      return readings;
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

/** Returns the object path of the logind session of this process, or else of the session that its user works in. */
async function ownSession(system: BusConnection): Promise<string | null> {
  const call: MethodCall = {
    name: 'org.freedesktop.login1',
    path: '/org/freedesktop/login1',
    interface: 'org.freedesktop.login1.Manager',
    member: 'GetSession',
    signature: 's',
    body: ['auto'],
  };
  const path = await system.call(call);
  return typeof path === 'string' && path.startsWith('/org/freedesktop/login1/session/') ? path : null;
}

async function run(query: Query, bus: BusConnection, clock: Clock): Promise<PartialReadings> {
  const reply = await bus.call(query.call);
  if (reply === null && query.fallback !== undefined) return run(query.fallback, bus, clock);
  const atMs = clock.now();
  const values = Object.entries(reply === null ? {} : query.read(reply)).filter(
    ([, value]) => value !== undefined,
  );
  return Object.fromEntries(values.map(([name, value]) => [name, { value, source: query.source, atMs }]));
}

/** Merges readings of two services; where both report the same one, the value that favors the owner wins. */
function merge(left: PartialReadings, right: PartialReadings): PartialReadings {
  const merged: Record<string, unknown> = { ...left };
  for (const name of Object.keys(right) as ReadingName[]) {
    const [before, next] = [left[name], right[name]];
    if (next) merged[name] = before ? moreCareful(name, before, next) : next;
  }
  return merged as PartialReadings;
}
