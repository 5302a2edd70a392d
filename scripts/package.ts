/** `npm run package`: the installable app for this machine, unpacked, with the official Electron and no other. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

import { buildAll } from './build.ts';
import { officialElectron } from './official-electron.ts';
import { REPOSITORY } from './places.ts';

const ELECTRON_DOWNLOAD_MS_MAX = 300_000;

const electron = await officialElectron({ downloadMsMax: ELECTRON_DOWNLOAD_MS_MAX, say: console.log });
if (electron.executable === null) {
  console.error(
    `Nothing was packaged: ${electron.reason}. Packages are made with the official Electron only.`,
  );
  process.exit(1);
}
await buildAll();
const builder = spawn(
  process.execPath,
  [
    join(REPOSITORY, 'node_modules/electron-builder/cli.js'),
    '--dir',
    `--config.electronDist=${join(REPOSITORY, 'node_modules/electron/dist')}`,
    '--publish=never',
  ],
  { cwd: REPOSITORY, stdio: 'inherit' },
);
builder.once('error', (error) => {
  console.error(`The packager could not be started: ${error.message}`);
  process.exitCode = 1;
});
builder.once('exit', (code) => {
  process.exitCode = code ?? 1;
});
