/** Stored form of IDs and keys: a UUID is 16 bytes, everything else is text. */

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const CHARGE_KEY = /^job:(.{36}):charged$/;

export type ShortId = Buffer | string;

export function shortId(id: string): ShortId {
  return UUID.test(id) ? Buffer.from(id.replaceAll('-', ''), 'hex') : id;
}

export function longId(id: ShortId): string {
  if (typeof id === 'string') return id;
  const hex = id.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Shortens the key of a posting: the key of a job's charge to the job's ID. */
export function shortKey(key: string): ShortId {
  const id = CHARGE_KEY.exec(key)?.[1];
  return id !== undefined && UUID.test(id) ? shortId(id) : key;
}

export function longKey(key: ShortId): string {
  return typeof key === 'string' ? key : `job:${longId(key)}:charged`;
}
