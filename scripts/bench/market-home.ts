/** The data folder of an agent that takes part in the open market of `npm run bench -- market`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { prepareMeasuredHome } from '../lib/stored-benchmark.ts';

/** Prepares the folder, and returns the options of its agent. Without `model`: see {@link prepareMeasuredHome}. */
export function prepareMarketHome(home: string, model: string | null = null): readonly string[] {
  prepareMeasuredHome(home, model);
  const passphraseFile = join(home, 'passphrase');
  writeFileSync(passphraseFile, 'a passphrase of the benchmark\n', { mode: 0o600 });
  return ['--headless', '--home', home, '--profile', 'open', '--passphrase-file', passphraseFile];
}
