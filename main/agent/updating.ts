/** Opens the search for updates. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UPDATE_KEYS } from '../../shared/updates.ts';
import { VERSION } from '../../shared/version.ts';
import { findInstalledPackage, withPurpose } from '../adapters/node/index.ts';
import { openPartFile } from '../core/models/index.ts';
import { createUpdates, freeBytesOf, type Updates } from '../core/updates/index.ts';
import { homePaths } from '../ports/data-folder.ts';
import type { Foundation } from './foundation.ts';
import { readOwnPackage } from './own-package.ts';
import type { Surroundings } from './surroundings.ts';

const fetchUpdate: typeof fetch = (input, init) => withPurpose('updates', () => fetch(input, init));

export function openUpdates(
  { config, serves, clock, log, notices, changed, onClose }: Surroundings,
  { records, settings, presence }: Pick<Foundation, 'records' | 'settings' | 'presence'>,
): Updates {
  const updates = createUpdates({
    // The practice requester is a part of the provider's app.
    feed: serves ? (config.updatesFrom ?? readOwnPackage().updates) : null,
    keys: UPDATE_KEYS,
    version: VERSION,
    arch: process.arch,
    installer: findInstalledPackage({
      platform: process.platform,
      place: fileURLToPath(import.meta.url),
      environment: process.env,
    }),
    // Shared by the networks of one owner.
    folder: join(homePaths(config.home).root, 'updates'),
    records,
    clock,
    log: log.child('updates'),
    fetch: fetchUpdate,
    openPart: openPartFile,
    freeBytes: freeBytesOf,
    isAutomatic: () => settings.get().updatesAutomatic,
    isMetered: () => presence.readings().metered?.value === true,
    onChange: () => changed('app'),
    onReady: (version) => notices.show('update-ready', { severity: 'info', details: { version } }),
  });
  onClose(() => updates.stop());
  updates.start();
  return updates;
}
