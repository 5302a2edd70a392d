/**
 * Queries to the services of a Linux desktop, by the interfaces that they publish. The types of replies are checked:
 * a reply with an unexpected type is ignored.
 */
import { Variant } from '@jellybrick/dbus-next';
import { z } from 'zod';
import type { PartialReadings } from '../../../shared/readings.ts';
import type { MethodCall } from './connection.ts';

type Values = { readonly [Name in keyof PartialReadings]: number | boolean | undefined };

/** A method call, and how its reply is read. */
export interface Query {
  readonly bus: 'system' | 'session';
  /** The `source` of the readings. */
  readonly source: string;
  readonly call: MethodCall;
  /** Returns no values for a reply with an unexpected type. */
  readonly read: (reply: unknown) => Values;
  /** Query to run if this one has no reply. */
  readonly fallback?: Query;
}

const PROPERTIES = 'org.freedesktop.DBus.Properties';

function allProperties(name: string, path: string, of: string): MethodCall {
  return { name, path, interface: PROPERTIES, member: 'GetAll', signature: 's', body: [of] };
}

function property(name: string, path: string, of: string, wanted: string): MethodCall {
  return { name, path, interface: PROPERTIES, member: 'Get', signature: 'ss', body: [of, wanted] };
}

/** Unwraps the properties of a reply to `GetAll`. */
function properties(reply: unknown): Record<string, unknown> {
  if (typeof reply !== 'object' || reply === null) return {};
  return Object.fromEntries(Object.entries(reply).map(([name, value]) => [name, unwrap(value)]));
}

function unwrap(value: unknown): unknown {
  return value instanceof Variant ? value.value : value;
}

const flagSchema = z.boolean().optional().catch(undefined);
const flag = (value: unknown): boolean | undefined => flagSchema.parse(value);
/** Counts arrive as numbers or, if they are 64 bits wide, as bigint. */
const countSchema = z
  .union([z.number().nonnegative(), z.bigint().nonnegative().transform(Number)])
  .optional()
  .catch(undefined);
const count = (value: unknown): number | undefined => countSchema.parse(value);

/** NetworkManager's NMMetered: 1 yes, 2 no, 3 probably, 4 probably not, 0 unknown. */
const METERED: Readonly<Record<number, boolean>> = { 1: true, 2: false, 3: true, 4: false };
/** GNOME's session manager: flag of an inhibitor that prevents the session from being marked idle. */
const INHIBIT_IDLE = 8;
/** KDE's power management: the policy that dims, turns off or locks the screen (`PolicyAgent::RequiredPolicy`). */
const CHANGE_SCREEN_SETTINGS = 4;

/** GNOME's compositor, which receives all input. */
export const MUTTER = {
  name: 'org.gnome.Mutter.IdleMonitor',
  path: '/org/gnome/Mutter/IdleMonitor/Core',
  interface: 'org.gnome.Mutter.IdleMonitor',
} as const;

/** Queries for every poll: they show that the owner is back. */
export const IDLE_TIME_QUERIES: readonly Query[] = [
  {
    bus: 'session',
    source: 'mutter',
    call: { ...MUTTER, member: 'GetIdletime' },
    read: seconds,
  },
];

function seconds(reply: unknown): Values {
  const milliseconds = count(reply);
  return milliseconds === undefined ? {} : { inputIdleSeconds: milliseconds / 1000 };
}

/** Queries for every few seconds. `session` is the object path of our logind session, null if there is none. */
export function desktopQueries(session: string | null): readonly Query[] {
  return [
    LOGIND_MACHINE,
    ...(session === null ? [] : [logindSession(session)]),
    UPOWER,
    UPOWER_BATTERY,
    NETWORK_MANAGER,
    GNOME_SESSION,
    KDE_POWER_MANAGEMENT,
    SCREEN_SAVER,
  ];
}

const LOGIND_MACHINE: Query = {
  bus: 'system',
  source: 'logind',
  call: allProperties('org.freedesktop.login1', '/org/freedesktop/login1', 'org.freedesktop.login1.Manager'),
  read(reply) {
    const { LidClosed, OnExternalPower, BlockInhibited } = properties(reply);
    const external = flag(OnExternalPower);
    return {
      lidClosed: flag(LidClosed),
      onBattery: external === undefined ? undefined : !external,
      displayKeptAwake:
        typeof BlockInhibited === 'string' ? BlockInhibited.split(':').includes('idle') : undefined,
    };
  },
};

function logindSession(session: string): Query {
  return {
    bus: 'system',
    source: 'logind',
    call: allProperties('org.freedesktop.login1', session, 'org.freedesktop.login1.Session'),
    read(reply) {
      const { LockedHint, Remote } = properties(reply);
      return { locked: flag(LockedHint), remote: flag(Remote) };
    },
  };
}

const UPOWER: Query = {
  bus: 'system',
  source: 'upower',
  call: allProperties('org.freedesktop.UPower', '/org/freedesktop/UPower', 'org.freedesktop.UPower'),
  read(reply) {
    const { OnBattery, LidIsClosed } = properties(reply);
    return { onBattery: flag(OnBattery), lidClosed: flag(LidIsClosed) };
  },
};

const UPOWER_BATTERY: Query = {
  bus: 'system',
  source: 'upower',
  call: allProperties(
    'org.freedesktop.UPower',
    '/org/freedesktop/UPower/devices/DisplayDevice',
    'org.freedesktop.UPower.Device',
  ),
  read(reply) {
    const { IsPresent, Percentage } = properties(reply);
    return IsPresent === true ? { batteryPercent: count(Percentage) } : {};
  },
};

const NETWORK_MANAGER: Query = {
  bus: 'system',
  source: 'networkmanager',
  call: property(
    'org.freedesktop.NetworkManager',
    '/org/freedesktop/NetworkManager',
    'org.freedesktop.NetworkManager',
    'Metered',
  ),
  read: (reply) => ({ metered: METERED[count(unwrap(reply)) ?? 0] }),
};

const GNOME_SESSION: Query = {
  bus: 'session',
  source: 'gnome-session',
  call: {
    name: 'org.gnome.SessionManager',
    path: '/org/gnome/SessionManager',
    interface: 'org.gnome.SessionManager',
    member: 'IsInhibited',
    signature: 'u',
    body: [INHIBIT_IDLE],
  },
  read: (reply) => ({ displayKeptAwake: flag(reply) }),
};

/** Other desktops' power managers have only one kind of inhibitor, so music and downloads count there as well. */
const OTHER_POWER_MANAGEMENT: Query = {
  bus: 'session',
  source: 'power-management',
  call: {
    name: 'org.freedesktop.PowerManagement',
    path: '/org/freedesktop/PowerManagement/Inhibit',
    interface: 'org.freedesktop.PowerManagement.Inhibit',
    member: 'HasInhibit',
  },
  read: (reply) => ({ displayKeptAwake: flag(reply) }),
};

const KDE_POWER_MANAGEMENT: Query = {
  bus: 'session',
  source: 'powerdevil',
  call: {
    name: 'org.kde.Solid.PowerManagement',
    path: '/org/kde/Solid/PowerManagement/PolicyAgent',
    interface: 'org.kde.Solid.PowerManagement.PolicyAgent',
    member: 'HasInhibition',
    signature: 'u',
    body: [CHANGE_SCREEN_SETTINGS],
  },
  read: (reply) => ({ displayKeptAwake: flag(reply) }),
  fallback: OTHER_POWER_MANAGEMENT,
};

const SCREEN_SAVER: Query = {
  bus: 'session',
  source: 'screensaver',
  call: {
    name: 'org.freedesktop.ScreenSaver',
    path: '/org/freedesktop/ScreenSaver',
    interface: 'org.freedesktop.ScreenSaver',
    member: 'GetActive',
  },
  // An active screen saver may not require a password, so only an inactive one is evidence about the lock.
  read: (reply) => (flag(reply) === false ? { locked: false } : {}),
};
