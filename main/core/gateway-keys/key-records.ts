/** Stores the gateway's keys: name and limits with the hash of the secret, never the secret. */
import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { newKeySchema } from '../../../shared/gateway-keys.ts';
import { parseJson } from '../../../shared/json.ts';
import type { RecordStore } from '../../ports/store.ts';

const COLLECTION = 'gateway-key';
const ID_BYTES = 8;
/** 192 bits: no guess finds it, so a fast hash is enough and needs no salt. */
const SECRET_BYTES = 24;
const SECRET_FORM = /^iw-[0-9a-f]{48}$/;

const storedKeySchema = newKeySchema.extend({
  id: z.string().regex(/^[0-9a-f]{16}$/),
  /** SHA-256, hexadecimal. */
  secretHash: z.string().regex(/^[0-9a-f]{64}$/),
  isOwn: z.boolean(),
  createdAtMs: z.number(),
});
export type StoredKey = z.infer<typeof storedKeySchema>;

export interface KeyRecords {
  all(): readonly StoredKey[];
  /** Returns the key with this secret; null without one. */
  findBySecret(secret: string): StoredKey | null;
  /** Durable when it returns. */
  set(key: StoredKey): void;
  remove(id: string): void;
}

/** A damaged record counts as a missing key: it lets nobody in. */
export function createKeyRecords(records: RecordStore): KeyRecords {
  const stored = records.list(COLLECTION).flatMap(({ value }) => {
    const parsed = storedKeySchema.safeParse(parseJson(value));
    return parsed.success ? [parsed.data] : [];
  });
  const byId = new Map(stored.map((key) => [key.id, key]));
  // Looked up by hash: how long that takes tells nothing about a secret.
  let byHash = index(byId);
  return {
    all: () => [...byId.values()],
    findBySecret: (secret) => byHash.get(hashOf(secret)) ?? null,
    set(key) {
      records.set(COLLECTION, key.id, JSON.stringify(key));
      byId.set(key.id, key);
      byHash = index(byId);
    },
    remove(id) {
      records.delete(COLLECTION, id);
      byId.delete(id);
      byHash = index(byId);
    },
  };
}

function index(byId: ReadonlyMap<string, StoredKey>): ReadonlyMap<string, StoredKey> {
  return new Map([...byId.values()].map((key) => [key.secretHash, key]));
}

export function newSecret(): string {
  return `iw-${randomBytes(SECRET_BYTES).toString('hex')}`;
}

/** True for a whole secret: a file that was cut off, or is empty, holds none. */
export function isSecret(text: string): boolean {
  return SECRET_FORM.test(text);
}

export function newKeyId(): string {
  return randomBytes(ID_BYTES).toString('hex');
}

export function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
