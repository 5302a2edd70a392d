/**
 * The owner's own model files: GGUF files that they put into a folder of the data folder. A page can't name a path, so
 * nothing outside of that folder is ever read. What an entry says comes from the file's header, which is checked first.
 */
import { lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isAppError } from '../../../shared/errors.ts';
import { checkHeader, type GgufHeader, readGgufHeader } from '../gguf/index.ts';
import type { CatalogueEntry } from './catalogue.ts';

/** Below the folder of downloaded models, which the engine's sandbox may read. */
export const OWN_FOLDER = 'own';
const ID_PREFIX = 'own-';
const ID_CHARACTERS_MAX = 80;
/** More files in the folder are ignored. */
const FILES_MAX = 50;
const TEXT_CHARACTERS_MAX = 80;
/** 16-bit keys and values. */
const BYTES_PER_NUMBER = 2;
/** Assumed where the header lacks what it is computed from: more than most models of 8 billion parameters take. */
const CONTEXT_BYTES_PER_TOKEN_USUAL = 131_072;

export interface OwnFile {
  readonly entry: CatalogueEntry;
}

/** A file that isn't a usable model, with the reason in one sentence. */
export interface RefusedFile {
  readonly fileName: string;
  readonly reason: string;
}

export interface OwnFiles {
  readonly files: readonly OwnFile[];
  readonly refused: readonly RefusedFile[];
}

/** True for the ID of a file of the owner's. */
export function isOwnModel(id: string): boolean {
  return new RegExp(`^${ID_PREFIX}[a-z0-9.-]{1,${ID_CHARACTERS_MAX}}$`).test(id);
}

/** Reads the headers of all files in the folder, which is created. Links are ignored. */
export async function findOwnFiles(modelFolder: string): Promise<OwnFiles> {
  const folder = join(modelFolder, OWN_FOLDER);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const files = new Map<string, OwnFile>();
  const refused: RefusedFile[] = [];
  const names = readdirSync(folder)
    .filter((name) => /^[^.].*\.gguf$/i.test(name))
    .sort()
    .slice(0, FILES_MAX);
  for (const name of names) {
    const stat = lstatSync(join(folder, name), { throwIfNoEntry: false });
    if (stat === undefined || !stat.isFile()) continue;
    const id = idOf(name);
    if (files.has(id)) continue;
    try {
      const header = await readGgufHeader(join(folder, name));
      checkHeader(header);
      files.set(id, { entry: entryOf({ id, name, sizeBytes: stat.size }, header) });
    } catch (error) {
      if (!isAppError(error)) throw error;
      refused.push({ fileName: name, reason: error.message });
    }
  }
  return { files: [...files.values()], refused };
}

function idOf(fileName: string): string {
  const slug = fileName
    .toLowerCase()
    .replace(/\.gguf$/, '')
    .replaceAll(/[^a-z0-9.]+/g, '-')
    .replaceAll(/^-+|-+$/g, '');
  return ID_PREFIX + (slug.slice(0, ID_CHARACTERS_MAX) || 'model');
}

function entryOf(
  { id, name, sizeBytes }: { readonly id: string; readonly name: string; readonly sizeBytes: number },
  { values, tensors }: GgufHeader,
): CatalogueEntry {
  const architecture = String(values.get('general.architecture'));
  const number = (key: string): number | null => {
    const value = values.get(`${architecture}.${key}`);
    return typeof value === 'number' ? value : null;
  };
  const weights = tensors.reduce((sum, { shape }) => sum + shape.reduce((size, each) => size * each, 1), 0);
  const largest = tensors.toSorted((left, right) => product(right.shape) - product(left.shape))[0];
  return {
    id,
    name: text(values.get('general.name')) ?? name.replace(/\.gguf$/i, ''),
    publisher: text(values.get('general.organization')) ?? text(values.get('general.author')) ?? '',
    license: text(values.get('general.license')) ?? '',
    parameters: text(values.get('general.size_label')) ?? millions(weights),
    quantisation: largest?.type ?? '',
    contextTokens: number('context_length') ?? 1,
    contextBytesPerToken: contextBytes(number),
    sizeBytes,
    sha256: null,
    fileName: join(OWN_FOLDER, name),
    sources: [],
  };
}

function contextBytes(number: (key: string) => number | null): number {
  const layers = number('block_count');
  const heads = number('attention.head_count');
  const keyHeads = number('attention.head_count_kv') ?? heads;
  const width = number('embedding_length');
  if (!layers || !keyHeads || !heads || !width) return CONTEXT_BYTES_PER_TOKEN_USUAL;
  const headWidth = number('attention.key_length') ?? width / heads;
  return Math.ceil(2 * layers * keyHeads * headWidth * BYTES_PER_NUMBER);
}

function product(shape: readonly number[]): number {
  return shape.reduce((size, each) => size * each, 1);
}

function millions(weights: number): string {
  return weights >= 1e9 ? `${(weights / 1e9).toFixed(1)}B` : `${Math.max(1, Math.round(weights / 1e6))}M`;
}

/** Texts of a file may be anything: only short printable ones are shown. */
function text(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const shown = value.replaceAll(/[\p{Cc}\p{Cf}]/gu, '').trim();
  return shown === '' ? null : shown.slice(0, TEXT_CHARACTERS_MAX);
}
