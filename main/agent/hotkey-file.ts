/**
 * The hotkey of this machine in a file that only its owner can read, in the form of the hotkey files of btcli: the owner may
 * put one of those in its place.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import { parseJson } from '../../shared/json.ts';
import { hotkeys } from '../adapters/bittensor/index.ts';
import type { Hotkey } from '../ports/hotkeys.ts';
import { replacePrivateFile } from '../ports/private-file.ts';

const FILE = 'bittensor-hotkey.json';
const fileSchema = z.object({ secretSeed: z.string(), ss58Address: z.string().optional() });

/** Null where there is none. Fails with `bad-request` for a file that can't be read: it is never replaced. */
export function readHotkey(folder: string): Hotkey | null {
  const path = join(folder, FILE);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null;
    throw unreadable(path, cause);
  }
  const { hotkey, ss58Address } = parse(path, text);
  if (ss58Address !== undefined && ss58Address !== hotkey.address) throw unreadable(path);
  return hotkey;
}

function parse(
  path: string,
  text: string,
): { readonly hotkey: Hotkey; readonly ss58Address?: string | undefined } {
  try {
    const { secretSeed, ss58Address } = fileSchema.parse(parseJson(text));
    return { hotkey: hotkeys.open(secretSeed), ss58Address };
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/** Makes one where there is none. */
export function openHotkey(folder: string): Hotkey {
  const known = readHotkey(folder);
  if (known !== null) return known;
  const seed = hotkeys.newSeed();
  const hotkey = hotkeys.open(seed);
  const content = { secretSeed: `0x${seed}`, ss58Address: hotkey.address };
  replacePrivateFile(join(folder, FILE), `${JSON.stringify(content)}\n`);
  return hotkey;
}

function unreadable(path: string, cause?: unknown): AppError {
  return new AppError(
    'bad-request',
    `${path} is no hotkey file with a secretSeed and the address that belongs to it. Restore it, or move it away for a new one.`,
    cause === undefined ? {} : { cause },
  );
}
