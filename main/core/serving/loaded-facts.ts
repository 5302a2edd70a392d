/** Remembers what each model was like when it was loaded here last, so that it can be offered while it isn't loaded. */
import { z } from 'zod';
import type { LoadedModel, ModelFile } from '../../ports/engine.ts';
import { loadedReportSchema } from '../../ports/engine-process.ts';
import type { RecordStore } from '../../ports/store.ts';

const COLLECTION = 'serving';
const KEY = 'loaded-facts';
/** Files; the one that was loaded the longest ago is forgotten first. */
const FILES_MAX = 64;

const factsSchema = loadedReportSchema.omit({ sandbox: true, graphicsProblems: true });
export type LoadedFacts = z.infer<typeof factsSchema>;
const storedSchema = z.array(z.tuple([z.string(), factsSchema]));

export interface LoadedFactsRecord {
  /** Null for a file that was never loaded here. */
  of(file: Pick<ModelFile, 'sha256'>): LoadedFacts | null;
  note(loaded: LoadedModel): void;
}

/** A record in another version's format is ignored. */
export function createLoadedFacts(records: RecordStore): LoadedFactsRecord {
  const text = records.get(COLLECTION, KEY);
  const known = new Map(text === null ? [] : (storedSchema.safeParse(JSON.parse(text)).data ?? []));
  return {
    of: ({ sha256 }) => known.get(sha256) ?? null,
    note(loaded) {
      const { sha256 } = loaded.model;
      known.delete(sha256);
      known.set(sha256, factsSchema.parse(loaded));
      for (const oldest of known.keys()) {
        if (known.size <= FILES_MAX) break;
        known.delete(oldest);
      }
      records.set(COLLECTION, KEY, JSON.stringify([...known]));
    },
  };
}
