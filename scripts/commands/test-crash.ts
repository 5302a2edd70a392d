/**
 * `npm run test:crash -- --kills 200 --seed S`: kills agent, requester, engine and chain of a practice network with
 * SIGKILL at moments drawn from the seed, and after each kill compares both ledgers with the chain. Exit code 0
 * only if all amounts matched each time.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CrashFailure, runCrashes } from '../../test/crash/crash-run.ts';
import { ledgerVerify } from '../../test/crash/ledger-verify.ts';
import { readCommandLine, UsageError } from '../lib/usage.ts';

const VERIFY_EVERY = 10;

const HELP = `Usage: npm run test:crash -- [--kills N] [--seed S] [--minutes M] [--verbose]

Kills processes at seeded moments and compares ledger and chain after each kill.

  --kills N    number of kills (default: 200)
  --seed S     seed that draws the moments (default: a random one, which is printed)
  --minutes M  end after this time at the latest (default: 60)
  --verbose    print each kill`;

function readOptions() {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '200' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
      minutes: { type: 'string', default: '60' },
      verbose: { type: 'boolean', default: false },
    },
  });
  const whole = (name: 'kills' | 'seed' | 'minutes'): number => {
    const number = Number(values[name]);
    if (values[name].trim() !== '' && Number.isInteger(number) && number >= 0) return number;
    throw new UsageError(`Invalid --${name} "${values[name]}". Use a whole number, 0 or more.`);
  };
  return { kills: whole('kills'), seed: whole('seed'), minutes: whole('minutes'), verbose: values.verbose };
}

async function main(): Promise<number> {
  const { kills, seed, minutes, verbose } = readCommandLine(HELP, readOptions);
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-crash-'));
  console.log(`seed ${seed}, ${kills} kills, home ${join(folder, 'home')}`);
  try {
    const summary = await runCrashes({
      home: join(folder, 'home'),
      seed,
      kills,
      verify: ledgerVerify,
      verifyEvery: VERIFY_EVERY,
      deadlineMs: minutes * 60_000,
      ...(verbose && { onKill: (line: string) => console.log(line) }),
    });
    console.log(JSON.stringify(summary));
    console.log(`${summary.kills} kills: nothing was lost, nothing was counted twice.`);
    rmSync(folder, { recursive: true, force: true });
    return summary.kills === kills ? 0 : 1;
  } catch (error) {
    console.error(error instanceof CrashFailure ? error.message : error);
    console.error(`The data of the failed run is in ${folder}. Repeat the run with:`);
    console.error(`  npm run test:crash -- --kills ${kills} --seed ${seed} --verbose`);
    return 1;
  }
}

process.exit(await main());
