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

const VERIFY_EVERY = 10;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '200' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
      minutes: { type: 'string' },
      verbose: { type: 'boolean', default: false },
    },
  });
  const [kills, seed, minutes] = [values.kills, values.seed, values.minutes ?? '60'].map(Number);
  if (![kills, seed, minutes].every((number) => Number.isInteger(number) && Number(number) >= 0)) {
    console.error('Usage: npm run test:crash -- [--kills N] [--seed S] [--minutes M] [--verbose]');
    return 2;
  }
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-crash-'));
  console.log(`seed ${seed}, ${kills} kills, home ${join(folder, 'home')}`);
  try {
    const summary = await runCrashes({
      home: join(folder, 'home'),
      seed: Number(seed),
      kills: Number(kills),
      verify: ledgerVerify,
      verifyEvery: VERIFY_EVERY,
      deadlineMs: Number(minutes) * 60_000,
      ...(values.verbose && { onKill: (line: string) => console.log(line) }),
    });
    console.log(JSON.stringify(summary));
    console.log(`${summary.kills} kills: nothing was lost, nothing was counted twice.`);
    rmSync(folder, { recursive: true, force: true });
    return summary.kills === Number(kills) ? 0 : 1;
  } catch (error) {
    console.error(error instanceof CrashFailure ? error.message : error);
    console.error(`The data of the failed run is in ${folder}. Repeat the run with:`);
    console.error(`  npm run test:crash -- --kills ${kills} --seed ${seed} --verbose`);
    return 1;
  }
}

process.exit(await main());
