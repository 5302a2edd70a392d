/** Questions on the terminal. Secrets are read without an echo, and never from the command line. */
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { AppError } from '../../shared/errors.ts';
import { passphraseFromFile } from '../core/wallet/index.ts';

/** One line that is shown while it is typed. */
export function askLine(question: string): Promise<string> {
  return readLine(question, true);
}

/** One line that is not. Without a terminal it is read from standard input. */
export function askSecret(question: string): Promise<string> {
  return readLine(question, false);
}

/** Whether the answer is a plain yes. */
export async function askYes(question: string): Promise<boolean> {
  return /^(y|yes)$/i.test((await askLine(`${question} [y/N] `)).trim());
}

/** From the file, where one is named, else asked for. */
export async function readPassphrase(file: string | undefined, question: string): Promise<string> {
  return file === undefined ? askSecret(question) : passphraseFromFile(file);
}

/** A new one, asked for twice. Fails with `bad-request` where the two differ. */
export async function readNewPassphrase(file: string | undefined, question: string): Promise<string> {
  if (file !== undefined) return passphraseFromFile(file);
  const first = await askSecret(question);
  const second = await askSecret('The same again: ');
  if (first !== second) throw new AppError('bad-request', 'The two pass phrases differ.');
  return first;
}

/** Lines that came together, as a pipe sends them, are kept for the next question. */
let lines: AsyncIterator<string> | null = null;

async function readLine(question: string, echo: boolean): Promise<string> {
  if (process.stdin.isTTY) return readFromTerminal(question, echo);
  process.stderr.write(question);
  lines ??= createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  process.stdin.ref?.();
  const { value, done } = await lines.next();
  // A pipe that its other end keeps open must not keep this process.
  process.stdin.unref?.();
  if (done) throw new AppError('bad-request', 'The answer is missing: standard input ended.');
  return value;
}

function readFromTerminal(question: string, echo: boolean): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({
    input: process.stdin,
    output: echo ? process.stderr : nowhere,
    terminal: true,
    historySize: 0,
  });
  // Only now: from here on the terminal shows nothing by itself, however fast somebody types.
  process.stderr.write(question);
  return new Promise((resolve, reject) => {
    reader.once('line', (line) => {
      resolve(line);
      reader.close();
    });
    reader.once('close', () => {
      if (!echo) process.stderr.write('\n');
      reject(new AppError('aborted', 'Nothing was answered.'));
    });
  });
}
