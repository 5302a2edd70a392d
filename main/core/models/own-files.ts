/**
 * The owner's own model files: GGUF files that they put into a folder of the data folder. A page can't name a path, so
 * nothing outside of that folder is ever read. What an entry says comes from the file's header, which is checked first.
 */
import { lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { RefusedFile } from '../../../shared/model-files.ts';
import { type FileKind, fileKind, isPartName, kindOfFailure, readGgufHeader } from '../gguf/index.ts';
import type { CatalogueEntry } from './catalogue.ts';
import { factsOfHeader, SLUG, slugOf } from './header-facts.ts';

/** Below the folder of downloaded models, which the engine's sandbox may read. */
export const OWN_FOLDER = 'own';
const ID_PREFIX = 'own-';
/** More files in the folder are ignored. */
const FILES_MAX = 50;

export interface OwnFile {
  readonly entry: CatalogueEntry;
}

export interface OwnFiles {
  readonly files: readonly OwnFile[];
  readonly refused: readonly RefusedFile[];
}

/** True for the ID of a file of the owner's. */
export function isOwnModel(id: string): boolean {
  return new RegExp(`^${ID_PREFIX}${SLUG}$`).test(id);
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
    const { entry, kind } = await readFile({ id, path: join(folder, name), name, sizeBytes: stat.size });
    if (entry !== null) files.set(id, { entry });
    else if (kind.problem !== null)
      refused.push({ fileName: name, problem: kind.problem, detail: kind.detail });
  }
  return { files: [...files.values()], refused };
}

function idOf(fileName: string): string {
  return ID_PREFIX + slugOf(fileName);
}

interface FoundFile {
  readonly id: string;
  readonly path: string;
  readonly name: string;
  readonly sizeBytes: number;
}

/** Returns no entry for a file that can't be served. */
async function readFile(
  file: FoundFile,
): Promise<{ readonly entry: CatalogueEntry | null; readonly kind: FileKind }> {
  const { id, path, name, sizeBytes } = file;
  if (isPartName(name)) return { entry: null, kind: { use: null, problem: 'split', detail: '' } };
  try {
    const header = await readGgufHeader(path);
    const kind = fileKind(header, sizeBytes);
    if (kind.problem !== null) return { entry: null, kind };
    const fileName = join(OWN_FOLDER, name);
    const facts = factsOfHeader(header, name);
    return { entry: { id, ...facts, use: kind.use, sizeBytes, sha256: null, fileName, sources: [] }, kind };
  } catch (error) {
    return { entry: null, kind: kindOfFailure(error) };
  }
}
