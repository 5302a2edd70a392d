/**
 * `npm run build:native [-- --force]`: compiles the native part into native/build; `--force` compiles even if
 * nothing changed. Exit code 1 if it can't be compiled here; the app then works without it.
 */
import { buildNative } from '../lib/native-build.ts';

const { state, reason } = buildNative({ force: process.argv.includes('--force') });
console.log(reason ?? (state === 'built' ? 'Built native/build.' : 'Nothing to build.'));
if (state === 'missing') process.exitCode = 1;
