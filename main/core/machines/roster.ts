/**
 * The list of the owner's machines with their roles, and the rules for all of them. Each owner signs its own decisions; every
 * machine keeps the newest list of each owner and passes them on, so that they spread while some are off.
 */
import { AppError } from '../../../shared/errors.ts';
import { type MachineRules, machineRulesSchema } from '../../../shared/machine-rules.ts';
import type {
  ListedMachine,
  MachineDecision,
  MachineRole,
  OwnerList,
  PairingAnswer,
} from '../../../shared/machines.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { PeerKey, VerifySigned } from '../../ports/network.ts';
import { type Decisions, decideToAdd, decideToRemove, mayChange } from './decisions.ts';
import { type MergedLists, mergeLists } from './owner-lists.ts';
import { digestOf, newestLists, readList, type SignedList } from './signed-lists.ts';

/** Membership of a machine in its network. `networkKey` is secret; the founder's peer ID is what it trusts. */
export type MembershipRecord = Omit<PairingAnswer, 'proof'>;

/** Keeps the record in a file that only the owner can read. */
export interface MembershipStore {
  write(record: MembershipRecord): void;
}

export interface MachineRoster {
  machines(): readonly ListedMachine[];
  /** Null for a peer that isn't one of the owner's machines. */
  roleOf(peer: string): MachineRole | null;
  /** True if this machine may remove the other one: as an owner, if that one isn't an owner ahead of it. */
  mayRemove(peer: string): boolean;
  /** Settings that an owner set for all machines. */
  rules(): MachineRules;
  /** The newest list of each owner, as it signed it. */
  lists(): readonly string[];
  /** Differs where the lists differ. */
  digest(): string;
  /** Takes newer lists of owners; false if there is none among them. Never rejects for what another machine sent. */
  take(lists: readonly string[]): Promise<boolean>;
  /** Adds a machine or changes its role. Fails with `not-permitted` where this machine may not, and `busy` if the list is full. */
  add(machine: Pick<ListedMachine, 'peer' | 'name' | 'role'>): Promise<MembershipRecord>;
  /** Fails with `not-permitted` where this machine may not, and with `not-found`. */
  remove(peer: string): Promise<void>;
  /** Replaces the rules for all machines. Fails with `not-permitted` at a machine that isn't an owner. */
  setRules(values: MachineRules): Promise<void>;
  onChange(listener: () => void): () => void;
}

/** Returns the verified lists. Fails with `bad-request`, also if the founder's is missing. */
export async function readLists(
  { founder, network, lists }: Pick<MembershipRecord, 'founder' | 'network' | 'lists'>,
  own: string,
  verifySigned: VerifySigned,
): Promise<readonly SignedList[]> {
  const read = await Promise.all(lists.map((jws) => readList(jws, network, verifySigned)));
  const newest = newestLists(founder, own, read);
  const { machines } = merged(founder, newest);
  if (machines[0]?.peer !== founder) throw new AppError('bad-request', 'The list of machines is invalid.');
  return newest;
}

export function merged(founder: string, lists: readonly SignedList[]): MergedLists {
  return mergeLists(
    founder,
    lists.map(({ list }) => list),
  );
}

/** Founds a network with this machine as its only one. */
export async function foundNetwork(
  key: PeerKey,
  {
    networkKey,
    network,
    name,
    nowMs,
  }: Pick<MembershipRecord, 'network' | 'networkKey'> & { name: string; nowMs: number },
): Promise<MembershipRecord> {
  const self: MachineDecision = {
    ...{ peer: key.peer, name, role: 'owner', addedAtMs: nowMs },
    ...{ generation: 0, change: 0, isRemoved: false },
  };
  const list: OwnerList = { network, owner: key.peer, version: 1, machines: [self], rules: null };
  return { networkKey, network, founder: key.peer, lists: [await key.sign(list)] };
}

/** Fails with `bad-request` if the record is damaged. */
export async function openRoster(parts: {
  readonly record: MembershipRecord;
  readonly store: MembershipStore;
  readonly key: PeerKey;
  readonly verifySigned: VerifySigned;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
}): Promise<MachineRoster> {
  const { store, key, verifySigned, clock, log } = parts;
  const { founder, network } = parts.record;
  let record = parts.record;
  let lists = await readLists(record, key.peer, verifySigned);
  let current = merged(founder, lists);
  const listeners = new Set<() => void>();

  function use(next: readonly SignedList[]): void {
    const changed = { ...record, lists: next.map(({ jws }) => jws) };
    store.write(changed);
    record = changed;
    lists = next;
    current = merged(founder, next);
    for (const listener of [...listeners]) listener();
  }

  /** Changes follow each other: each signs the next version. */
  let last: Promise<unknown> = Promise.resolve();
  function change(decide: (own: OwnerList) => Decisions): Promise<void> {
    const changed = last.then(async () => {
      if (!current.owners.includes(key.peer)) {
        throw new AppError('not-permitted', 'Only an owner’s machine adds, removes and sets rules for all.');
      }
      const before = lists.find(({ list }) => list.owner === key.peer)?.list;
      const own = before ?? { network, owner: key.peer, version: 0, machines: [], rules: null };
      const next = { ...own, ...decide(own), version: own.version + 1 };
      const signed = { list: next, jws: await key.sign(next) };
      use(newestLists(founder, key.peer, [...lists, signed]));
    });
    last = changed.catch(() => undefined);
    return changed;
  }

  /** Without this machine's own list if it isn't an owner any more. */
  const counting = () => lists.filter(({ list }) => current.owners.includes(list.owner));

  return {
    machines: () => current.machines,
    roleOf: (peer) => current.machines.find((machine) => machine.peer === peer)?.role ?? null,
    mayRemove: (peer) => mayChange(current, key.peer, peer),
    rules: () => current.rules?.set.values ?? {},
    lists: () => counting().map(({ jws }) => jws),
    digest: () => digestOf(counting()),
    async take(given) {
      const held = new Set(record.lists);
      const unknown = given.filter((jws) => !held.has(jws));
      const read = await Promise.all(
        unknown.map((jws) => readList(jws, network, verifySigned).catch(() => null)),
      );
      // Compared after the wait: others may have come meanwhile.
      const next = newestLists(founder, key.peer, [...lists, ...read.filter((list) => list !== null)]);
      if (digestOf(next) === digestOf(lists)) return false;
      use(next);
      log.info('The list of machines has changed', { machines: current.machines.length });
      return true;
    },
    async add(machine) {
      await change((own) => decideToAdd(own, current, machine, clock.now()));
      log.info('A machine was added', { machine: machine.peer, role: machine.role });
      return { ...record, lists: counting().map(({ jws }) => jws) };
    },
    async remove(peer) {
      await change((own) => decideToRemove(own, current, peer));
      log.info('A machine was removed', { machine: peer });
    },
    setRules: (values) =>
      change((own) => {
        const revision = (current.rules?.set.revision ?? 0) + 1;
        return { machines: own.machines, rules: { revision, values: machineRulesSchema.parse(values) } };
      }),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
