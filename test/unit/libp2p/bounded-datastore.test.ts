/**
 * Verifies: what strangers make a node store is limited for each key and in total, and the rest behaves like any datastore.
 * Setup: the datastore alone, against a map of the same records.
 * Fails if: one key or many keys grow without limit, a renewed record is dropped before older ones, or the node's own record
 * is lost.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Key } from 'interface-datastore';
import {
  BoundedDatastore,
  PROVIDER_RECORDS_MAX,
  PROVIDERS_PER_KEY_MAX,
  STORED_PEERS_MAX,
} from '../../../main/adapters/libp2p/bounded-datastore.ts';

const value = new Uint8Array([1]);
const provider = (key: string | number, peer: string | number) => new Key(`/dht/provider/${key}/${peer}`);
const names = (store: BoundedDatastore, prefix: string) =>
  [...(store.queryKeys({ prefix }) as Iterable<Key>)].map((key) => key.toString());

test('below its limits it returns what was put, by prefix', () => {
  const name = fc.tuple(fc.constantFrom('dht/provider', 'peers', 'other'), fc.nat(3), fc.nat(9));
  const step = fc.record({ name, isPut: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const store = new BoundedDatastore('own');
      const model = new Set<string>();
      for (const {
        name: [kind, group, id],
        isPut,
      } of steps) {
        const key = new Key(`/${kind}/${group}/${id}`);
        if (isPut) store.put(key, value);
        else store.delete(key);
        if (isPut) model.add(key.toString());
        else model.delete(key.toString());
        assert.equal(store.has(key), isPut);
      }
      for (const prefix of ['/', '/dht/provider', '/dht/provider/1', '/peers/1', '/peers/10']) {
        const expected = [...model].filter((key) => key.startsWith(prefix));
        assert.deepEqual(names(store, prefix).sort(), expected.sort());
      }
    }),
  );
});

test('a key has at most 256 providers, and the ones renewed last stay', () => {
  const store = new BoundedDatastore('own');
  for (let peer = 0; peer < PROVIDERS_PER_KEY_MAX; peer += 1) store.put(provider('key', peer), value);
  store.put(provider('key', 0), value);
  for (let peer = 1_000; peer < 1_010; peer += 1) store.put(provider('key', peer), value);
  assert.equal(names(store, '/dht/provider/key').length, PROVIDERS_PER_KEY_MAX);
  assert.equal(store.has(provider('key', 0)), true);
  assert.equal(store.has(provider('key', 1)), false);
});

test('providers of many keys are limited in total, and the key with the latest record stays', () => {
  const store = new BoundedDatastore('own');
  store.put(provider('ours', 'peer'), value);
  for (let key = 0; key < PROVIDER_RECORDS_MAX; key += 1) {
    if (key % 1_000 === 0) store.put(provider('ours', 'peer'), value);
    store.put(provider(key, 'stranger'), value);
  }
  assert.ok(names(store, '/dht/provider').length <= PROVIDER_RECORDS_MAX);
  assert.equal(store.has(provider('ours', 'peer')), true);
});

test('peers are limited, and the node’s own record stays', () => {
  const store = new BoundedDatastore('own');
  store.put(new Key('/peers/own'), value);
  for (let peer = 0; peer < STORED_PEERS_MAX + 10; peer += 1) store.put(new Key(`/peers/${peer}`), value);
  assert.equal(names(store, '/peers').length, STORED_PEERS_MAX);
  assert.equal(store.has(new Key('/peers/own')), true);
});
