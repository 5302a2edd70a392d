/**
 * `npm run test:crash -- --kills 200 --seed S`: kills agent, requester, engine and chain of a practice network with
 * SIGKILL at moments drawn from the seed, fills disks, takes logs away and sets clocks, and after each kill compares both
 * ledgers with the chain. Exit code 0 only if all amounts matched each time.
 */
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runInForeground } from '../../main/adapters/node/index.ts';
import { CrashFailure } from '../../test/crash/failure.ts';
import { onSmallDisk } from '../../test/fakes/mounts.ts';
import { buildAll } from '../lib/build-targets.ts';
import { readCommandLine, UsageError } from '../lib/usage.ts';

const VERIFY_EVERY = 10;
/** Two agents, their chain and their logs over hundreds of kills. */
const DISK_SIZE = '512m';
/** The folder of a run whose disk is mounted. */
const FOLDER_VARIABLE = 'IDLEWATT_CRASH_FOLDER';

const HELP = `Usage: npm run test:crash -- [--kills N] [--seed S] [--minutes M] [--without-faults] [--keep FOLDER] [--verbose]

Kills processes at seeded moments and compares ledger and chain after each kill. On Linux, every second kill comes with
a full disk, a lost write-ahead log or clocks that jump.

  --kills N         number of kills (default: 200)
  --seed S          seed that draws the moments (default: a random one, which is printed)
  --minutes M       end after this time at the latest (default: 60)
  --without-faults  only kill
  --keep FOLDER     copy the data folders there at the end
  --verbose         print each kill`;

function readOptions() {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '200' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
      minutes: { type: 'string', default: '60' },
      'without-faults': { type: 'boolean', default: false },
      keep: { type: 'string' },
      verbose: { type: 'boolean', default: false },
    },
  });
  const whole = (name: 'kills' | 'seed' | 'minutes'): number => {
    const number = Number(values[name]);
    if (values[name].trim() !== '' && Number.isInteger(number) && number >= 0) return number;
    throw new UsageError(`Invalid --${name} "${values[name]}". Use a whole number, 0 or more.`);
  };
  return {
    kills: whole('kills'),
    seed: whole('seed'),
    minutes: whole('minutes'),
    withFaults: process.platform === 'linux' && !values['without-faults'],
    keep: values.keep ?? null,
    verbose: values.verbose,
  };
}

type Options = ReturnType<typeof readOptions>;

/** Runs this command again where the folder of the data is a small disk that only that process and its children see. */
async function runOnSmallDisk({ seed }: Options): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-crash-'));
  mkdirSync(join(folder, 'disk'));
  const [program = '', ...argv] = onSmallDisk(join(folder, 'disk'), DISK_SIZE);
  const own = [process.execPath, import.meta.filename, ...process.argv.slice(2), '--seed', String(seed)];
  const env = { ...process.env, [FOLDER_VARIABLE]: folder };
  const code = await runInForeground({
    start: () => spawn(program, [...argv, ...own], { stdio: 'inherit', env }),
    restarts: false,
    print: console.error,
  });
  if (code === 0) rmSync(folder, { recursive: true, force: true });
  return code;
}

async function run(folder: string, options: Options): Promise<number> {
  const { kills, seed, minutes, withFaults, keep, verbose } = options;
  const disk = join(folder, 'disk');
  const home = join(disk, 'home');
  mkdirSync(disk, { recursive: true });
  const { runCrashes } = await import('../../test/crash/crash-run.ts');
  const { ledgerVerify } = await import('../../test/crash/ledger-verify.ts');
  console.log(`seed ${seed}, ${kills} kills, folder ${folder}`);
  try {
    const summary = await runCrashes({
      home,
      notes: join(folder, 'notes'),
      seed,
      kills,
      withFaults,
      verify: ledgerVerify,
      verifyEvery: VERIFY_EVERY,
      deadlineMs: minutes * 60_000,
      ...(verbose && { onKill: (line: string) => console.log(line) }),
    });
    if (keep !== null) cpSync(home, keep, { recursive: true });
    console.log(JSON.stringify(summary));
    console.log(`${summary.kills} kills: nothing was lost, nothing was counted twice.`);
    return summary.kills === kills ? 0 : 1;
  } catch (error) {
    // The disk is gone when this process ends.
    cpSync(home, join(folder, 'home'), { recursive: true });
    console.error(error instanceof CrashFailure ? error.message : error);
    console.error(`The data of the failed run is in ${folder}. Repeat the run with:`);
    const plainly = withFaults ? '' : ' --without-faults';
    console.error(`  npm run test:crash -- --kills ${kills} --seed ${seed} --verbose${plainly}`);
    return 1;
  }
}

async function main(): Promise<number> {
  const options = readCommandLine(HELP, readOptions);
  await buildAll({ only: ['agent'] });
  const mounted = process.env[FOLDER_VARIABLE];
  if (mounted !== undefined) return run(mounted, options);
  if (options.withFaults) return runOnSmallDisk(options);
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-crash-'));
  const code = await run(folder, options);
  if (code === 0) rmSync(folder, { recursive: true, force: true });
  return code;
}

process.exit(await main());
