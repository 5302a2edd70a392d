/**
 * The records that other peers make this node store: addresses of peers, and which peer provides what. In memory, with a
 * limit for each kind, because every record costs its sender nothing.
 */
import { NotFoundError } from '@libp2p/interface';
import { BaseDatastore } from 'datastore-core';
import { Key, type KeyQuery, type Pair, type Query } from 'interface-datastore';

/** Providers of one key: beyond it, the record that was renewed the longest time ago is dropped. */
export const PROVIDERS_PER_KEY_MAX = 256;
/** Provider records of all keys: beyond it, the key to which nothing was added for the longest time loses its records. */
export const PROVIDER_RECORDS_MAX = 100_000;
/** Peers whose addresses are stored; libp2p itself drops those that weren't seen for six hours. */
export const STORED_PEERS_MAX = 20_000;
const OTHER_RECORDS_MAX = 1_000;

const PEERS = '/peers';
const PROVIDERS = '/dht/provider';

/** Records in the order of their last write, grouped by the key above them, so that a key's providers are found directly. */
export class BoundedDatastore extends BaseDatastore {
  readonly #groups = new Map<string, Map<string, Uint8Array>>();
  readonly #ownPeer: string;
  #providerRecords = 0;

  /** `ownPeer` is this node's peer ID as a CID: its record is never dropped. */
  constructor(ownPeer: string) {
    super();
    this.#ownPeer = `${PEERS}/${ownPeer}`;
  }

  override put(key: Key, value: Uint8Array): Key {
    const name = groupOf(key);
    const group = this.#groups.get(name) ?? new Map<string, Uint8Array>();
    // Moves both to the end.
    this.#groups.delete(name);
    this.#groups.set(name, group);
    this.#remove(name, group, key.toString());
    group.set(key.toString(), value);
    if (isOfProviders(name)) this.#providerRecords += 1;
    this.#dropSurplus(name, group);
    return key;
  }

  override get(key: Key): Uint8Array {
    const value = this.#groups.get(groupOf(key))?.get(key.toString());
    if (value === undefined) throw new NotFoundError(`no record ${key}`);
    return value;
  }

  override has(key: Key): boolean {
    return this.#groups.get(groupOf(key))?.has(key.toString()) ?? false;
  }

  override delete(key: Key): void {
    const name = groupOf(key);
    const group = this.#groups.get(name);
    if (group === undefined) return;
    this.#remove(name, group, key.toString());
    if (group.size === 0) this.#groups.delete(name);
  }

  override *_all({ prefix }: Query): Generator<Pair> {
    for (const group of this.#groupsBelow(prefix)) {
      for (const [name, value] of [...group]) yield { key: new Key(name, false), value };
    }
  }

  override *_allKeys({ prefix }: KeyQuery): Generator<Key> {
    for (const group of this.#groupsBelow(prefix)) {
      for (const name of [...group.keys()]) yield new Key(name, false);
    }
  }

  /** The base class leaves out the records that only begin like the prefix. */
  #groupsBelow(prefix: string | undefined): readonly ReadonlyMap<string, Uint8Array>[] {
    const exact = prefix === undefined ? undefined : this.#groups.get(prefix);
    return exact === undefined ? [...this.#groups.values()] : [exact];
  }

  #remove(name: string, group: Map<string, Uint8Array>, key: string): void {
    if (group.delete(key) && isOfProviders(name)) this.#providerRecords -= 1;
  }

  #dropSurplus(name: string, group: Map<string, Uint8Array>): void {
    const max =
      name === PEERS ? STORED_PEERS_MAX : isOfProviders(name) ? PROVIDERS_PER_KEY_MAX : OTHER_RECORDS_MAX;
    for (const oldest of group.keys()) {
      if (group.size <= max) break;
      if (oldest !== this.#ownPeer) this.#remove(name, group, oldest);
    }
    for (const [oldest, { size }] of this.#groups) {
      if (this.#providerRecords <= PROVIDER_RECORDS_MAX) return;
      if (!isOfProviders(oldest)) continue;
      this.#groups.delete(oldest);
      this.#providerRecords -= size;
    }
  }
}

function isOfProviders(group: string): boolean {
  return group.startsWith(`${PROVIDERS}/`);
}

function groupOf(key: Key): string {
  const name = key.toString();
  return name.slice(0, name.lastIndexOf('/'));
}
