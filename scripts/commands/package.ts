/** `npm run package`: builds the installable app for this machine, unpacked, only with the official Electron. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { buildAll } from '../lib/build-targets.ts';
import { officialElectron } from '../lib/official-electron.ts';
import { REPOSITORY } from '../lib/places.ts';

const ELECTRON_DOWNLOAD_MS_MAX = 300_000;

const electron = await officialElectron({ downloadMsMax: ELECTRON_DOWNLOAD_MS_MAX, print: console.log });
if (electron.executable === null) {
  console.error(
    `Nothing was packaged: ${electron.reason}. Packages are built only with the official Electron.`,
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
  console.error(`Could not start electron-builder: ${error.message}`);
  process.exitCode = 1;
});
builder.once('exit', (code) => {
  process.exitCode = code ?? 1;
});
