/** `npm run build [-- --force]`: builds what is out of date into dist/; `--force` builds everything. */
import { buildAll } from '../lib/build-targets.ts';

const startedMs = performance.now();
const built = await buildAll({ force: process.argv.includes('--force') });
const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
console.log(built.length === 0 ? 'Nothing to build.' : `Built ${built.join(', ')} in ${seconds} s.`);
