/** Asks questions on the terminal. Secrets are read without an echo, and never from the command line. */
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { AppError } from '../../shared/errors.ts';
import { passphraseFromFile } from '../core/wallet/index.ts';

/** Reads one line, which is shown while it is typed. */
export function askLine(question: string): Promise<string> {
  return readLine(question, true);
}

/** Reads one line without an echo; without a terminal, from standard input. */
export function askSecret(question: string): Promise<string> {
  return readLine(question, false);
}

/** Returns whether the answer is `y` or `yes`. */
export async function askYes(question: string): Promise<boolean> {
  return /^(y|yes)$/i.test((await askLine(`${question} [y/N] `)).trim());
}

/** Reads a passphrase from a file, or asks for it if none is given. */
export async function readPassphrase(file: string | undefined, question: string): Promise<string> {
  return file === undefined ? askSecret(question) : passphraseFromFile(file);
}

/** Reads a new passphrase from a file, or asks for it twice. Fails with `bad-request` if the two differ. */
export async function readNewPassphrase(file: string | undefined, question: string): Promise<string> {
  if (file !== undefined) return passphraseFromFile(file);
  const first = await askSecret(question);
  const second = await askSecret('Repeat the passphrase: ');
  if (first !== second) throw new AppError('bad-request', 'The two passphrases differ. Nothing was changed.');
  return first;
}

/** Shared by all questions: a pipe may deliver several lines together. */
let lines: AsyncIterator<string> | null = null;

async function readLine(question: string, echo: boolean): Promise<string> {
  if (process.stdin.isTTY) return readFromTerminal(question, echo);
  process.stderr.write(question);
  lines ??= createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  process.stdin.ref?.();
  const { value, done } = await lines.next();
  // A pipe that stays open at its other end must not keep this process alive.
  process.stdin.unref?.();
  if (done) throw new AppError('bad-request', 'No answer: standard input ended.');
  return value;
}

function readFromTerminal(question: string, echo: boolean): Promise<string> {
  const noEcho = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({
    input: process.stdin,
    output: echo ? process.stderr : noEcho,
    terminal: true,
    historySize: 0,
  });
  // Printed only now: from here on the terminal echoes nothing, however fast someone types.
  process.stderr.write(question);
  return new Promise((resolve, reject) => {
    reader.once('line', (line) => {
      resolve(line);
      reader.close();
    });
    reader.once('close', () => {
      if (!echo) process.stderr.write('\n');
      reject(new AppError('aborted', 'No answer was given.'));
    });
  });
}
