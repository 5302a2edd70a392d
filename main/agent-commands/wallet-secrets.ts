/**
 * `wallet create`, `import`, `export`, `drill` and `payout`: on the files of a home. Secrets come from a prompt
 * without an echo, or from files that the owner named, and are shown on the terminal alone.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { AppError } from '../../shared/errors.ts';
import { createKeyTools, readAddress } from '../adapters/ethers/index.ts';
import { acquireFileLock, openDatabase } from '../adapters/sqlite/index.ts';
import { knownWallet } from '../agent/known-wallet.ts';
import { openHome } from '../core/home/index.ts';
import { createSecrets, openWallet, practicePassphrase, type Secrets } from '../core/wallet/index.ts';
import { systemClock } from '../ports/clock.ts';
import type { SecretSource } from '../ports/wallet.ts';
import type { CommandRun } from './index.ts';
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

const PASSPHRASE = 'Pass phrase of the wallet on this machine: ';

function read(argv: readonly string[]) {
  return parseArgs({ args: [...argv], allowPositionals: true, options: OPTIONS });
}

/** Makes the home's first wallet and shows its words; refuses where there is or was one. */
export const create: CommandRun = async (argv) => {
  const { values } = read(argv);
  return withKeys(values.home, async ({ folder, known, secrets }) => {
    const passphrase = await newPassphraseOf(values, folder, 'A new pass phrase: ');
    const wallet = await openWallet({
      folder,
      passphrase,
      keys: createKeyTools(),
      createIfAbsent: true,
      known,
    });
    if (!wallet.created) {
      throw new AppError('bad-request', 'There is a wallet here already; nothing was made or changed.');
    }
    const words = await secrets.revealPhrase(passphrase);
    console.log(`Your wallet's address is ${wallet.accounts.funds.address}.\n`);
    console.log('Write these words down, in this order, on paper. Whoever has them has the money:\n');
    console.log(words.map((word, index) => `${String(index + 1).padStart(3)}. ${word}`).join('\n'));
    console.log('\nThen prove that you have them: npm run agent -- wallet drill');
    return 0;
  });
};

/** Puts a secret that the owner brings into the place of today's, whose file is kept aside. */
export const bring: CommandRun = async (argv) => {
  const { values, positionals } = read(argv);
  const [type] = positionals;
  return withKeys(values.home, async ({ folder, secrets }) => {
    const source = await readSource(type, values.file);
    const question = 'A new pass phrase, for the key file on this machine: ';
    const passphrase = await newPassphraseOf(values, folder, question);
    const { address, kind } = await secrets.importWallet(source, passphrase);
    console.log(`The wallet ${address} (${kind}) is here now; it is used from the next start.`);
    return 0;
  });
};

async function readSource(type: string | undefined, file: string | undefined): Promise<SecretSource> {
  const secret = async (question: string) =>
    file === undefined ? askSecret(question) : readText(file).trim();
  switch (type) {
    case 'phrase':
      return { type, phrase: await secret('The recovery words, in their order: ') };
    case 'key':
      return { type, key: await secret('The private key: ') };
    case 'keystore': {
      if (file === undefined) throw new AppError('bad-request', 'Name the keystore file with --file.');
      return { type, keystore: readText(file), passphrase: await askSecret('Pass phrase of that file: ') };
    }
    default:
      throw new AppError('bad-request', 'What is brought in is a phrase, a key or a keystore.');
  }
}

/** Writes a keystore V3 file under a pass phrase of its own. */
export const take: CommandRun = async (argv) => {
  const { values } = read(argv);
  const { out } = values;
  if (out === undefined) throw new AppError('bad-request', 'Name the file to write with --out.');
  return withKeys(values.home, async ({ folder, secrets }) => {
    const passphrase = await passphraseOf(values, folder);
    const next = await readNewPassphrase(
      values['export-passphrase-file'],
      'A pass phrase for the exported file: ',
    );
    writeNew(out, await secrets.exportKeystore(passphrase, next));
    console.log(`The key file was written to ${out}.`);
    return 0;
  });
};

/** Asks a few words back; real money is paid out only after that. */
export const drill: CommandRun = async (argv) => {
  const { values } = read(argv);
  return withKeys(values.home, async ({ folder, secrets }) => {
    const { id, positions } = await secrets.startDrill(await passphraseOf(values, folder));
    const words: string[] = [];
    for (const position of positions) words.push(await askSecret(`Word ${position}: `));
    const passed = secrets.answerDrill(id, words);
    console.log(passed ? 'The backup is proven.' : 'These are not the words; nothing was changed.');
    return passed ? 0 : 1;
  });
};

/** Earnings go to this address from the next start; `own` is the wallet's. */
export const payout: CommandRun = async (argv) => {
  const { values, positionals } = read(argv);
  return withKeys(values.home, async ({ secrets }) => {
    const address = positionals[0] ?? (await askLine('The payout address: '));
    secrets.setPayoutAddress(address === 'own' ? null : address);
    console.log('Saved; it is used from the next start.');
    return 0;
  });
};

interface Keys {
  readonly folder: string;
  readonly known: ReturnType<typeof knownWallet>;
  readonly secrets: Secrets;
}

/** Not beside a running agent, which would go on with the keys of before. */
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
        isOwed: () =>
          database.ledger
            .balances()
            .some(
              ({ account, amount }) =>
                (account === 'channels:owed' || account === 'contract:claimed') && amount > 0n,
            ),
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

interface Given {
  readonly 'passphrase-file'?: string | undefined;
  /** The practice wallet's own pass phrase lies beside it; a practice agent starts with no other. */
  readonly practice?: boolean | undefined;
}

function newPassphraseOf(values: Given, folder: string, question: string): Promise<string> {
  if (values.practice) return Promise.resolve(practicePassphrase(folder));
  return readNewPassphrase(values['passphrase-file'], question);
}

function passphraseOf(values: Given, folder: string): Promise<string> {
  if (values.practice) return Promise.resolve(practicePassphrase(folder));
  return readPassphrase(values['passphrase-file'], PASSPHRASE);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new AppError('not-found', 'This file cannot be read.', { cause, details: { path } });
  }
}

/** Never over something that is there. */
function writeNew(path: string, text: string): void {
  try {
    const file = openSync(path, 'wx', 0o600);
    writeSync(file, text);
    closeSync(file);
  } catch (cause) {
    throw new AppError('home-not-writable', 'This file cannot be written, or is there already.', {
      cause,
      details: { path },
    });
  }
}
