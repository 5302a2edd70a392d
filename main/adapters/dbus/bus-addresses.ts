/** Finds the addresses of the message buses. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Addresses in the format of the D-Bus specification; null on a machine without that bus. */
export interface BusAddresses {
  readonly system: string | null;
  readonly session: string | null;
}

const SYSTEM_SOCKETS = ['/run/dbus/system_bus_socket', '/var/run/dbus/system_bus_socket'];

/** Returns the buses of this process's session and system; none outside of Linux. */
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
