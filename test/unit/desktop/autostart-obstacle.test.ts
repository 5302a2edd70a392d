// Verifies: each system that can't start Idlewatt at login is recognized, with its reason, and no other.
// Setup: descriptions of systems.
// Fails if: a checkout, a snap or a session without a desktop shows a switch that does nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AutostartSystem, autostartObstacle } from '../../../main/desktop/autostart-obstacle.ts';

const INSTALLED: AutostartSystem = {
  platform: 'linux',
  isPackaged: true,
  program: '/opt/Idlewatt/idlewatt',
  environment: { XDG_CURRENT_DESKTOP: 'GNOME' },
};

test('an installed app on a desktop has no obstacle', () => {
  for (const platform of ['linux', 'darwin', 'win32'] as const) {
    assert.equal(autostartObstacle({ ...INSTALLED, platform }), null);
  }
});

test('each obstacle has its reason', () => {
  const cases: [Partial<AutostartSystem>, string][] = [
    [{ isPackaged: false }, 'checkout'],
    [{ environment: { SNAP: '/snap/idlewatt/1', XDG_CURRENT_DESKTOP: 'GNOME' } }, 'sandboxed-package'],
    [{ environment: { FLATPAK_ID: 'net.idlewatt', XDG_CURRENT_DESKTOP: 'KDE' } }, 'sandboxed-package'],
    [{ environment: {} }, 'no-desktop'],
    [
      {
        platform: 'darwin',
        program: '/private/var/folders/x/AppTranslocation/1/d/Idlewatt.app/Contents/MacOS/Idlewatt',
      },
      'translocated',
    ],
  ];
  for (const [system, obstacle] of cases)
    assert.equal(autostartObstacle({ ...INSTALLED, ...system }), obstacle);
});
