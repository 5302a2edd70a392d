/** Models that the owner added by link, stored so that they are still there after a restart. */
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import { modelUseSchema } from '../../../shared/model-files.ts';
import type { RecordStore } from '../../ports/store.ts';
import type { CatalogueEntry } from './catalogue.ts';
import { SLUG, slugOf } from './header-facts.ts';

const COLLECTION = 'models';
const KEY = 'linked';
const LINKED_MAX = 50;
const ID_PREFIX = 'link-';
const HASH_CHARACTERS = 12;
const ID = new RegExp(`^${ID_PREFIX}${SLUG}-[0-9a-f]{${HASH_CHARACTERS}}$`);

const linkedEntrySchema = z.object({
  id: z.string().regex(ID),
  name: z.string(),
  publisher: z.string(),
  license: z.string(),
  parameters: z.string(),
  quantisation: z.string(),
  contextTokens: z.number().int().positive(),
  contextBytesPerToken: z.number().int().positive(),
  use: modelUseSchema,
  sizeBytes: z.number().int().positive(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** Address of the file at its commit. */
  url: z.url(),
  /** The file's page at the hub. */
  link: z.url(),
});
export type LinkedEntry = z.infer<typeof linkedEntrySchema>;

export interface LinkedEntries {
  list(): readonly LinkedEntry[];
  /** Fails with `busy` if there are too many. */
  add(entry: LinkedEntry): void;
  remove(id: string): void;
}

/** Returns the ID, which is the same for a file on every machine and by every link. */
export function linkedModelId(path: string, sha256: string): string {
  const slug = slugOf(path.split('/').at(-1) ?? path);
  return `${ID_PREFIX}${slug}-${sha256.slice(0, HASH_CHARACTERS)}`;
}

export function isLinkedModel(id: string): boolean {
  return ID.test(id);
}

/** The file's name on disk comes from the ID, never from the hub. */
export function catalogueEntryOf({ url, ...entry }: LinkedEntry): CatalogueEntry {
  return { ...entry, fileName: `${entry.id}.gguf`, sources: [{ kind: 'https', url }] };
}

export function createLinkedEntries(records: RecordStore): LinkedEntries {
  const list = () => readStored(records);
  const write = (entries: readonly LinkedEntry[]) => records.set(COLLECTION, KEY, JSON.stringify(entries));
  return {
    list,
    add(entry) {
      const others = list().filter(({ id }) => id !== entry.id);
      if (others.length >= LINKED_MAX) {
        const message = `Up to ${LINKED_MAX} models can be added by link. Remove one that you don’t use.`;
        throw new AppError('busy', message);
      }
      write([...others, linkedEntrySchema.parse(entry)]);
    },
    remove: (id) => write(list().filter((entry) => entry.id !== id)),
  };
}

/** Leaves out entries that are damaged or of another version. */
function readStored(records: RecordStore): readonly LinkedEntry[] {
  const text = records.get(COLLECTION, KEY);
  const stored = z.array(z.unknown()).safeParse(text === null ? [] : JSON.parse(text));
  return (stored.data ?? []).flatMap((each) => linkedEntrySchema.safeParse(each).data ?? []);
}
