/** `report`: one zip about an installation that its owner may send to a developer. Needs no running agent. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { AppError } from '../../shared/errors.ts';
import { zipTexts } from '../adapters/fflate/index.ts';
import { systemClock } from '../ports/clock.ts';
import type { CommandRun } from './index.ts';
import { writeNew } from './new-file.ts';
import { chosenHome } from './options.ts';
import { collectReport } from './report-content.ts';

export const run: CommandRun = async (argv) => {
  const { values } = parseArgs({
    args: [...argv],
    options: { home: { type: 'string' }, out: { type: 'string' } },
  });
  if (values.out === undefined) throw new AppError('bad-request', 'Name the file to write with --out FILE.');
  const out = resolve(values.out);
  if (existsSync(out))
    throw new AppError('bad-request', `${out} already exists. Choose another file with --out.`);
  const paths = chosenHome(values.home);
  if (!existsSync(paths.root)) {
    throw new AppError(
      'not-found',
      `No Idlewatt data in ${paths.root}. Set the data folder with --home DIR.`,
    );
  }
  const nowMs = systemClock.now();
  const members = await collectReport(paths, nowMs);
  console.log(`${out} will contain:`);
  for (const { name, text } of members) {
    console.log(`  ${name.padEnd(22)} ${String(Buffer.byteLength(text)).padStart(9)} bytes`);
  }
  const zip = zipTexts(members, nowMs);
  writeNew(out, zip);
  console.log(`Wrote ${zip.length} bytes to ${out}. Read it before you send it to anyone.`);
  return 0;
};
