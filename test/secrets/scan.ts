/**
 * Searches for a wallet's secrets where they must never be: in files, messages, logs, environments and command
 * lines, in every spelling in which they could get there by accident.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decryptKeystoreJson, HDNodeWallet, Mnemonic } from 'ethers';

/** One secret and the byte sequences that reveal it. */
export interface Secret {
  readonly name: string;
  readonly needles: readonly Needle[];
}

interface Needle {
  readonly spelling: string;
  readonly bytes: Buffer;
  /** `folded`: searched in lower case; `words`: in lower case, with each run of other characters as one space. */
  readonly reading: 'plain' | 'folded' | 'words';
}

/** Place and spelling of a secret that was found; never the secret itself. */
export interface Finding {
  readonly secret: string;
  readonly spelling: string;
  readonly place: string;
}

/** Derivation paths of the wallet's accounts: funds, session, gas. */
const PATHS = ["m/44'/60'/0'/0/0", "m/44'/60'/1'/0/0", "m/44'/60'/2'/0/0"];

/** Decrypts a keystore file, as its owner could, and returns what must not be found elsewhere. */
export async function secretsOf(wallet: string, keystore: string, passphrase: string): Promise<Secret[]> {
  const { mnemonic } = await decryptKeystoreJson(keystore, passphrase);
  if (mnemonic === undefined) throw new Error('the test wallet has no recovery phrase');
  const phrase = Mnemonic.fromEntropy(mnemonic.entropy);
  return [
    ...PATHS.map((path) =>
      binarySecret(`${wallet}: key ${path}`, HDNodeWallet.fromMnemonic(phrase, path).privateKey),
    ),
    binarySecret(`${wallet}: entropy`, phrase.entropy),
    {
      name: `${wallet}: recovery phrase`,
      needles: [{ spelling: 'words', bytes: Buffer.from(phrase.phrase), reading: 'words' }],
    },
    textSecret(`${wallet}: passphrase`, passphrase),
  ];
}

/** Returns the needles of a number: hexadecimal (which also finds it with 0x), raw bytes, base64 at any alignment. */
export function binarySecret(name: string, hex: string): Secret {
  const digits = hex.replace(/^0x/, '').toLowerCase();
  const raw = Buffer.from(digits, 'hex');
  return {
    name,
    needles: [
      { spelling: 'hexadecimal', bytes: Buffer.from(digits), reading: 'folded' },
      { spelling: 'raw bytes', bytes: raw, reading: 'plain' },
      { spelling: 'list of numbers', bytes: Buffer.from([...raw].join(',')), reading: 'plain' },
      ...base64Needles(raw),
    ],
  };
}

/** Returns the needles of a text: plain, in UTF-16, in hexadecimal and in base64. */
export function textSecret(name: string, text: string): Secret {
  return {
    name,
    needles: [
      { spelling: 'text', bytes: Buffer.from(text, 'utf8'), reading: 'plain' },
      { spelling: 'UTF-16', bytes: Buffer.from(text, 'utf16le'), reading: 'plain' },
      { spelling: 'hexadecimal', bytes: Buffer.from(Buffer.from(text).toString('hex')), reading: 'folded' },
      ...base64Needles(Buffer.from(text)),
    ],
  };
}

/** Base64 has three spellings of the same bytes, by their offset; characters shared with neighboring bytes are cut. */
function base64Needles(raw: Buffer): Needle[] {
  return [0, 1, 2].flatMap((before) => {
    const padded = Buffer.concat([Buffer.alloc(before), raw]);
    const whole = Math.floor((padded.length * 8) / 6);
    const first = Math.ceil((before * 8) / 6);
    return (['base64', 'base64url'] as const).map((encoding) => ({
      spelling: encoding,
      bytes: Buffer.from(padded.toString(encoding).slice(first, whole)),
      reading: 'plain' as const,
    }));
  });
}

/** Returns every secret that these bytes contain. */
export function findSecrets(secrets: readonly Secret[], place: string, bytes: Buffer): Finding[] {
  const readings = {
    plain: bytes,
    folded: Buffer.from(bytes.toString('latin1').toLowerCase(), 'latin1'),
    words: Buffer.from(
      bytes
        .toString('latin1')
        .toLowerCase()
        .replaceAll(/[^a-z]+/g, ' '),
      'latin1',
    ),
  };
  return secrets.flatMap(({ name, needles }) =>
    needles
      .filter((needle) => readings[needle.reading].includes(needle.bytes))
      .map(({ spelling }) => ({ secret: name, spelling, place })),
  );
}

/** Searches every file below the folder, SQLite's database and write-ahead log files byte by byte. */
export function scanFolder(
  secrets: readonly Secret[],
  folder: string,
  isExcluded: (path: string) => boolean = () => false,
): { readonly findings: Finding[]; readonly files: string[] } {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !isExcluded(path));
  return { files, findings: files.flatMap((path) => findSecrets(secrets, path, readFileSync(path))) };
}

/** Searches what any other program of this user can read about a process: environment and command line. */
export function scanProcess(secrets: readonly Secret[], pid: number): Finding[] {
  return ['environ', 'cmdline'].flatMap((name) => {
    const path = `/proc/${pid}/${name}`;
    return findSecrets(secrets, path, readFileSync(path));
  });
}
