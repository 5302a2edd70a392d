/**
 * `wallet create`, `import`, `export`, `drill` and `payout`: work on the files of a data folder. Secrets come from a
 * prompt without an echo or from files that the owner names, and are shown on the terminal only.
 */

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { AppError } from '../../shared/errors.ts';
import { createKeyTools, readAddress } from '../adapters/ethers/index.ts';
import { acquireFileLock, openDatabase } from '../adapters/sqlite/index.ts';
import { knownWallet } from '../agent/known-wallet.ts';
import { openHome } from '../core/home/index.ts';
import { isPendingPayout } from '../core/ledger/index.ts';
import { createSecrets, openWallet, practicePassphrase, type Secrets } from '../core/wallet/index.ts';
import { systemClock } from '../ports/clock.ts';
import { PROGRAM } from '../ports/program.ts';
import type { SecretSource } from '../ports/wallet.ts';
import type { CommandRun } from './index.ts';
import { writeNew } from './new-file.ts';
import { chosenHome } from './options.ts';
import { askLine, askSecret, readNewPassphrase, readPassphrase } from './prompt.ts';

const OPTIONS = {
  home: { type: 'string' },
  'passphrase-file': { type: 'string' },
  'export-passphrase-file': { type: 'string' },
  file: { type: 'string' },
  out: { type: 'string' },
  practice: { type: 'boolean', default: false },
} as const;

const PASSPHRASE = 'Passphrase of the wallet on this machine: ';

function read(argv: readonly string[]) {
  return parseArgs({ args: [...argv], allowPositionals: true, options: OPTIONS });
}

/** Creates the data folder's first wallet and shows its recovery phrase; fails if there is or was one. */
export const create: CommandRun = async (argv) => {
  const { values } = read(argv);
  return withKeys(values.home, async ({ folder, known, secrets }) => {
    const passphrase = await newPassphraseOf(values, folder, 'New passphrase: ');
    const wallet = await openWallet({
      folder,
      passphrase,
      keys: createKeyTools(),
      createIfAbsent: true,
      known,
    });
    if (!wallet.created) {
      throw new AppError('bad-request', 'A wallet already exists here. Nothing was created or changed.');
    }
    const words = await secrets.revealPhrase(passphrase);
    console.log(`Your wallet's address is ${wallet.accounts.funds.address}.\n`);
    console.log('Write this recovery phrase on paper, in this order. Anyone who has it has the money:\n');
    console.log(words.map((word, index) => `${String(index + 1).padStart(3)}. ${word}`).join('\n'));
    console.log(`\nThen verify your backup with \`${PROGRAM.command} wallet drill\`.`);
    return 0;
  });
};

/** Replaces the wallet with one from the owner's secret; the previous keystore file is set aside. */
export const importSecret: CommandRun = async (argv) => {
  const { values, positionals } = read(argv);
  const [type] = positionals;
  return withKeys(values.home, async ({ folder, secrets }) => {
    const source = await readSource(type, values.file);
    const question = 'New passphrase for the keystore file on this machine: ';
    const passphrase = await newPassphraseOf(values, folder, question);
    const { address, kind } = await secrets.importWallet(source, passphrase);
    console.log(`Imported the wallet ${address} (${kind}). It is used from the next start.`);
    return 0;
  });
};

async function readSource(type: string | undefined, file: string | undefined): Promise<SecretSource> {
  const secret = async (question: string) =>
    file === undefined ? askSecret(question) : readText(file).trim();
  switch (type) {
    case 'phrase':
      return { type, phrase: await secret('Recovery phrase, words in order: ') };
    case 'key':
      return { type, key: await secret('Private key: ') };
    case 'keystore': {
      if (file === undefined) throw new AppError('bad-request', 'Name the keystore file with --file FILE.');
      return { type, keystore: readText(file), passphrase: await askSecret('Passphrase of that file: ') };
    }
    default:
      throw new AppError('bad-request', 'Specify what to import: phrase, key or keystore.');
  }
}

/** Writes a keystore V3 file encrypted with a passphrase of its own. */
export const exportKeystore: CommandRun = async (argv) => {
  const { values } = read(argv);
  const { out } = values;
  if (out === undefined) throw new AppError('bad-request', 'Name the file to write with --out FILE.');
  return withKeys(values.home, async ({ folder, secrets }) => {
    const passphrase = await passphraseOf(values, folder);
    const next = await readNewPassphrase(
      values['export-passphrase-file'],
      'Passphrase for the exported file: ',
    );
    writeNew(out, await secrets.exportKeystore(passphrase, next));
    console.log(`Wrote the keystore file to ${out}.`);
    return 0;
  });
};

/** Checks the backup by asking for a few words; real money is paid out only after that. */
export const drill: CommandRun = async (argv) => {
  const { values } = read(argv);
  return withKeys(values.home, async ({ folder, secrets }) => {
    const { id, positions } = await secrets.startDrill(await passphraseOf(values, folder));
    const words: string[] = [];
    for (const position of positions) words.push(await askSecret(`Word ${position}: `));
    const passed = secrets.answerDrill(id, words);
    console.log(passed ? 'The backup is verified.' : 'The words don’t match. Nothing was changed.');
    return passed ? 0 : 1;
  });
};

/** Sets the address that earnings go to from the next start; `own` is the wallet's. */
export const payout: CommandRun = async (argv) => {
  const { values, positionals } = read(argv);
  return withKeys(values.home, async ({ secrets }) => {
    const address = positionals[0] ?? (await askLine('Payout address: '));
    secrets.setPayoutAddress(address === 'own' ? null : address);
    console.log('Saved. It is used from the next start.');
    return 0;
  });
};

interface Keys {
  readonly folder: string;
  readonly known: ReturnType<typeof knownWallet>;
  readonly secrets: Secrets;
}

/** Fails with `home-in-use` while an agent runs, which would continue with the previous keys. */
async function withKeys(given: string | undefined, use: (keys: Keys) => Promise<number>): Promise<number> {
  const home = openHome({ root: chosenHome(given).root, acquireLock: acquireFileLock, pid: process.pid });
  try {
    const database = openDatabase(home.paths.database);
    try {
      const known = knownWallet(database.records);
      const secrets = createSecrets({
        folder: home.paths.keys,
        keys: createKeyTools(),
        readAddress,
        clock: systemClock,
        isOwed: () => isPendingPayout(database.ledger.balances()),
        known,
      });
      return await use({ folder: home.paths.keys, known, secrets });
    } finally {
      database.close();
    }
  } finally {
    home.close();
  }
}

interface PassphraseOptions {
  readonly 'passphrase-file'?: string | undefined;
  /** Use the passphrase stored next to the practice wallet; a practice agent starts with no other. */
  readonly practice?: boolean | undefined;
}

function newPassphraseOf(values: PassphraseOptions, folder: string, question: string): Promise<string> {
  if (values.practice) return Promise.resolve(practicePassphrase(folder));
  return readNewPassphrase(values['passphrase-file'], question);
}

function passphraseOf(values: PassphraseOptions, folder: string): Promise<string> {
  if (values.practice) return Promise.resolve(practicePassphrase(folder));
  return readPassphrase(values['passphrase-file'], PASSPHRASE);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new AppError('not-found', `Could not read ${path}.`, { cause, details: { path } });
  }
}
