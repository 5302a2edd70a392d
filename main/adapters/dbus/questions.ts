/**
 * What is asked of a Linux desktop's services, by the interfaces that they publish. Types are checked on arrival: a
 * service that answers something else is not believed.
 */
import { Variant } from '@jellybrick/dbus-next';
import { z } from 'zod';
import type { PartialReadings } from '../../../shared/readings.ts';
import type { Question } from './connection.ts';

type Values = { readonly [Name in keyof PartialReadings]: number | boolean | undefined };

/** A question, and what its answer says. */
export interface Ask {
  readonly bus: 'system' | 'session';
  /** As readings name their source. */
  readonly source: string;
  readonly question: Question;
  /** Empty for an answer of another shape than the interface promises. */
  readonly read: (answer: unknown) => Values;
  /** Asked where this one has no answer. */
  readonly otherwise?: Ask;
}

const PROPERTIES = 'org.freedesktop.DBus.Properties';

function allProperties(name: string, path: string, of: string): Question {
  return { name, path, interface: PROPERTIES, member: 'GetAll', signature: 's', body: [of] };
}

function property(name: string, path: string, of: string, wanted: string): Question {
  return { name, path, interface: PROPERTIES, member: 'Get', signature: 'ss', body: [of, wanted] };
}

/** The properties of an answer to `GetAll`, out of their variants. */
function properties(answer: unknown): Record<string, unknown> {
  if (typeof answer !== 'object' || answer === null) return {};
  return Object.fromEntries(Object.entries(answer).map(([name, value]) => [name, plain(value)]));
}

function plain(value: unknown): unknown {
  return value instanceof Variant ? value.value : value;
}

const yesOrNo = z.boolean().optional().catch(undefined);
const known = (value: unknown): boolean | undefined => yesOrNo.parse(value);
/** Counts arrive as numbers or, when they are 64 bits wide, as bigint. */
const countSchema = z
  .union([z.number().nonnegative(), z.bigint().nonnegative().transform(Number)])
  .optional()
  .catch(undefined);
const count = (value: unknown): number | undefined => countSchema.parse(value);

/** NetworkManager's NMMetered: 1 yes, 2 no, 3 probably, 4 probably not, 0 unknown. */
const METERED: Readonly<Record<number, boolean>> = { 1: true, 2: false, 3: true, 4: false };
/** GNOME's session manager: to inhibit that the session is marked idle. */
const INHIBIT_IDLE = 8;
/** KDE's power management: that the screen is dimmed, switched off or locked (`PolicyAgent::RequiredPolicy`). */
const CHANGE_SCREEN_SETTINGS = 4;

/** GNOME's compositor, which sees all input. */
export const MUTTER = {
  name: 'org.gnome.Mutter.IdleMonitor',
  path: '/org/gnome/Mutter/IdleMonitor/Core',
  interface: 'org.gnome.Mutter.IdleMonitor',
} as const;

/** Asked with every look: they tell that the owner is back. */
export const IDLE_TIMES: readonly Ask[] = [
  {
    bus: 'session',
    source: 'mutter',
    question: { ...MUTTER, member: 'GetIdletime' },
    read: (answer) => seconds(answer),
  },
];

function seconds(answer: unknown): Values {
  const milliseconds = count(answer);
  return milliseconds === undefined ? {} : { inputIdleSeconds: milliseconds / 1000 };
}

/** Asked now and then; `session` is the object path of our logind session, null where there is none. */
export function circumstances(session: string | null): readonly Ask[] {
  return [
    {
      bus: 'system',
      source: 'logind',
      question: allProperties(
        'org.freedesktop.login1',
        '/org/freedesktop/login1',
        'org.freedesktop.login1.Manager',
      ),
      read(answer) {
        const { LidClosed, OnExternalPower, BlockInhibited } = properties(answer);
        const external = known(OnExternalPower);
        return {
          lidClosed: known(LidClosed),
          onBattery: external === undefined ? undefined : !external,
          displayKeptAwake:
            typeof BlockInhibited === 'string' ? BlockInhibited.split(':').includes('idle') : undefined,
        };
      },
    },
    ...(session === null
      ? []
      : [
          {
            bus: 'system' as const,
            source: 'logind',
            question: allProperties('org.freedesktop.login1', session, 'org.freedesktop.login1.Session'),
            read(answer: unknown) {
              const { LockedHint, Remote } = properties(answer);
              return { locked: known(LockedHint), remote: known(Remote) };
            },
          },
        ]),
    {
      bus: 'system',
      source: 'upower',
      question: allProperties('org.freedesktop.UPower', '/org/freedesktop/UPower', 'org.freedesktop.UPower'),
      read(answer) {
        const { OnBattery, LidIsClosed } = properties(answer);
        return { onBattery: known(OnBattery), lidClosed: known(LidIsClosed) };
      },
    },
    {
      bus: 'system',
      source: 'upower',
      question: allProperties(
        'org.freedesktop.UPower',
        '/org/freedesktop/UPower/devices/DisplayDevice',
        'org.freedesktop.UPower.Device',
      ),
      read(answer) {
        const { IsPresent, Percentage } = properties(answer);
        return IsPresent === true ? { batteryPercent: count(Percentage) } : {};
      },
    },
    {
      bus: 'system',
      source: 'networkmanager',
      question: property(
        'org.freedesktop.NetworkManager',
        '/org/freedesktop/NetworkManager',
        'org.freedesktop.NetworkManager',
        'Metered',
      ),
      read: (answer) => ({ metered: METERED[count(plain(answer)) ?? 0] }),
    },
    {
      bus: 'session',
      source: 'gnome-session',
      question: {
        name: 'org.gnome.SessionManager',
        path: '/org/gnome/SessionManager',
        interface: 'org.gnome.SessionManager',
        member: 'IsInhibited',
        signature: 'u',
        body: [INHIBIT_IDLE],
      },
      read: (answer) => ({ displayKeptAwake: known(answer) }),
    },
    {
      bus: 'session',
      source: 'powerdevil',
      question: {
        name: 'org.kde.Solid.PowerManagement',
        path: '/org/kde/Solid/PowerManagement/PolicyAgent',
        interface: 'org.kde.Solid.PowerManagement.PolicyAgent',
        member: 'HasInhibition',
        signature: 'u',
        body: [CHANGE_SCREEN_SETTINGS],
      },
      read: (answer) => ({ displayKeptAwake: known(answer) }),
      // Other desktops' power managers know of one kind only: music and downloads count there as well.
      otherwise: {
        bus: 'session',
        source: 'power-management',
        question: {
          name: 'org.freedesktop.PowerManagement',
          path: '/org/freedesktop/PowerManagement/Inhibit',
          interface: 'org.freedesktop.PowerManagement.Inhibit',
          member: 'HasInhibit',
        },
        read: (answer) => ({ displayKeptAwake: known(answer) }),
      },
    },
    {
      bus: 'session',
      source: 'screensaver',
      question: {
        name: 'org.freedesktop.ScreenSaver',
        path: '/org/freedesktop/ScreenSaver',
        interface: 'org.freedesktop.ScreenSaver',
        member: 'GetActive',
      },
      // A screen saver that runs may ask for no password: only its absence says something about a lock.
      read: (answer) => (known(answer) === false ? { locked: false } : {}),
    },
  ];
}
