/**
 * `npm run feed -- keygen --id ID --out FILE`: makes a key for update feeds. `npm run feed -- sign --folder DIR …`: writes
 * the signed feed of this version's packages into their folder (docs/release.md).
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  UPDATE_FEED_DAYS_MAX,
  UPDATE_FEED_FILE,
  UPDATE_FORMAT,
  UPDATE_KEY_VARIABLE,
  UPDATE_KEYS,
} from '../../shared/updates.ts';
import { VERSION } from '../../shared/version.ts';
import { makeUpdateKey, packagesIn, privateKeySchema, publicPart, signFeed } from '../lib/update-feed.ts';
import { readCommandLine, UsageError } from '../lib/usage.ts';

const DAY_MS = 86_400_000;

const HELP = `Usage: npm run feed -- keygen --id ID --out FILE
       npm run feed -- sign --folder DIR [--staged PERCENT] [--from VERSION] [--days N]

keygen makes an Ed25519 key: the private one in FILE, the line for shared/updates.ts on the terminal.
sign writes ${UPDATE_FEED_FILE} for the packages of version ${VERSION} in DIR. The private key is the content of that
file in the environment variable ${UPDATE_KEY_VARIABLE}. Sign again for another share, or before the feed expires.

  --staged PERCENT  share of the installations that get this version (default 10; 0 withdraws it)
  --from VERSION    earliest version that can be updated to this one (default 0.1.0)
  --days N          validity of the feed (default ${UPDATE_FEED_DAYS_MAX}, which is also the most)

Exit codes: 0 done, 1 failed, 2 wrong command line.`;

const request = readCommandLine(HELP, () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      id: { type: 'string' },
      out: { type: 'string' },
      folder: { type: 'string' },
      staged: { type: 'string', default: '10' },
      from: { type: 'string', default: '0.1.0' },
      days: { type: 'string', default: String(UPDATE_FEED_DAYS_MAX) },
    },
  });
  const [verb] = positionals;
  if (verb === 'keygen') {
    if (!values.id || !values.out) throw new UsageError('keygen needs --id ID and --out FILE.');
    return { verb: 'keygen' as const, id: values.id, out: values.out };
  }
  if (verb !== 'sign') throw new UsageError('Name what to do: keygen or sign.');
  if (!values.folder) throw new UsageError('sign needs --folder DIR.');
  const days = wholeNumber('days', values.days, 1, UPDATE_FEED_DAYS_MAX);
  return {
    verb: 'sign' as const,
    folder: values.folder,
    staged: wholeNumber('staged', values.staged, 0, 100),
    from: values.from,
    days,
  };
});

try {
  if (request.verb === 'keygen') keygen(request.id, request.out);
  else await sign(request);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new UsageError(`--${name} must be a whole number from ${min} to ${max}.`);
}

function keygen(id: string, out: string): void {
  const key = makeUpdateKey(id);
  // Never replaces a key, which nobody could make again.
  writeFileSync(out, `${JSON.stringify(key)}\n`, { mode: 0o600, flag: 'wx' });
  console.log(
    `The private key is in ${out}: keep it as a secret, with a copy offline. Add this to UPDATE_KEYS:`,
  );
  console.log(`  ${JSON.stringify(publicPart(key))},`);
}

async function sign(options: { folder: string; staged: number; from: string; days: number }): Promise<void> {
  const key = privateKeySchema.safeParse(JSON.parse(process.env[UPDATE_KEY_VARIABLE] ?? 'null'));
  if (!key.success)
    throw new Error(`${UPDATE_KEY_VARIABLE} doesn't contain a private key (npm run feed -- keygen).`);
  const { id, x } = publicPart(key.data);
  if (!UPDATE_KEYS.some((known) => known.id === id && known.x === x)) {
    throw new Error(`No app would accept the feed: the key ${id} isn't in UPDATE_KEYS of shared/updates.ts.`);
  }
  const files = packagesIn(options.folder, VERSION);
  if (files.length === 0) throw new Error(`${options.folder} has no packages of version ${VERSION}.`);
  const nowMs = Date.now();
  const feed = {
    format: UPDATE_FORMAT,
    version: VERSION,
    issuedAtMs: nowMs,
    expiresAtMs: nowMs + options.days * DAY_MS,
    stagedPercent: options.staged,
    fromVersion: options.from,
    files,
  } as const;
  writeFileSync(join(options.folder, UPDATE_FEED_FILE), await signFeed(feed, key.data));
  console.log(
    `${UPDATE_FEED_FILE}: version ${VERSION} for ${options.staged}%, valid for ${options.days} days.`,
  );
  for (const { kind, arch, name } of files) console.log(`  ${kind} ${arch}: ${name}`);
}
