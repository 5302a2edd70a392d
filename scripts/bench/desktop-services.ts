/** Fakes a laptop's services on a private message bus until standard input ends; prints the bus's address. */
import { once } from 'node:events';
import { Variant } from '@jellybrick/dbus-next';
import { openPrivateBus, variants } from '../../test/contract/private-bus.ts';

const SESSION = '/org/freedesktop/login1/session/_32';

const bus = await openPrivateBus();
await bus.serve(
  'org.freedesktop.login1',
  new Map<string, readonly [string, ...unknown[]]>([
    ['/org/freedesktop/login1 GetSession', ['o', SESSION]],
    [
      '/org/freedesktop/login1 org.freedesktop.login1.Manager',
      variants({
        LidClosed: ['b', false],
        OnExternalPower: ['b', true],
        BlockInhibited: ['s', 'sleep'],
      }),
    ],
    [
      `${SESSION} org.freedesktop.login1.Session`,
      variants({ LockedHint: ['b', false], Remote: ['b', false] }),
    ],
  ]),
);
await bus.serve(
  'org.freedesktop.UPower',
  new Map([
    [
      '/org/freedesktop/UPower org.freedesktop.UPower',
      variants({ OnBattery: ['b', false], LidIsClosed: ['b', false] }),
    ],
    [
      '/org/freedesktop/UPower/devices/DisplayDevice org.freedesktop.UPower.Device',
      variants({ IsPresent: ['b', true], Percentage: ['d', 80] }),
    ],
  ]),
);
await bus.serve(
  'org.freedesktop.NetworkManager',
  new Map([
    ['/org/freedesktop/NetworkManager org.freedesktop.NetworkManager', ['v', new Variant('u', 4)] as const],
  ]),
);
await bus.serve(
  'org.gnome.SessionManager',
  new Map([['/org/gnome/SessionManager IsInhibited', ['b', false] as const]]),
);
await bus.serve(
  'org.gnome.Mutter.IdleMonitor',
  new Map([['/org/gnome/Mutter/IdleMonitor/Core GetIdletime', ['t', 900_000n] as const]]),
);
console.log(bus.address);
process.stdin.resume();
await once(process.stdin, 'end');
await bus.close();
