/**
 * The list of the owner's machines with their roles, and the rules for all of them. Each owner signs its own decisions; every
 * machine keeps the newest list of each owner and passes them on, so that they spread while some are off.
 */
import { type MachineRules, machineRulesSchema } from '../../../shared/machine-rules.ts';
import {
  type ListedMachine,
  type MachineDecision,
  type MachineRole,
  numberAfter,
  type OwnerList,
} from '../../../shared/machines.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { PeerKey, VerifySigned } from '../../ports/network.ts';
import { decidePayout, decideToAdd, decideToRemove, mayChange } from './decisions.ts';
import {
  type ListBook,
  type MembershipRecord,
  type MembershipStore,
  openListBook,
  readHeld,
  roleIn,
  textsOf,
} from './list-book.ts';
import type { MergedLists } from './owner-lists.ts';
import { digestOf } from './signed-lists.ts';

export interface MachineRoster {
  machines(): readonly ListedMachine[];
  /** Null for a peer that isn't one of the owner's machines. */
  roleOf(peer: string): MachineRole | null;
  /** True if this machine may remove the other one: as an owner, if that one isn't an owner ahead of it. */
  mayRemove(peer: string): boolean;
  /** Settings that an owner set for all machines. */
  rules(): MachineRules;
  /** The owner's machine that set them; null if none is set. */
  rulesBy(): ListedMachine | null;
  /** The payout address for all machines, and the owner's machine that set it; null if none is set. */
  payout(): SharedPayout | null;
  /** The newest list of each owner, as it signed it. */
  lists(): readonly string[];
  /** Of machines that have left and that no owner has removed yet, as they signed it. */
  departures(): readonly string[];
  /** Differs where the lists or the departures differ. */
  digest(): string;
  /**
   * Takes newer lists of owners, and departures; false if there is none among them. An owner's machine removes those that have
   * left. Never rejects for what another machine sent.
   */
  take(lists: readonly string[], departures?: readonly string[]): Promise<boolean>;
  /** Adds a machine or changes its role. Fails with `not-permitted` where this machine may not, and `busy` if the list is full. */
  add(machine: Pick<ListedMachine, 'peer' | 'name' | 'role'>): Promise<MembershipRecord>;
  /** Fails with `not-permitted` where this machine may not, and with `not-found`. */
  remove(peer: string): Promise<void>;
  /**
   * Signs that this machine leaves, and stores it with `isLeaving`: from then on it has no role. Nothing to do on a machine that
   * was removed. Fails with `bad-request` on the only owner's machine while there are others.
   */
  leave(): Promise<void>;
  /** Replaces the rules for all machines. Fails with `not-permitted` at a machine that isn't an owner. */
  setRules(values: MachineRules): Promise<void>;
  /** Sets one payout address for all machines; null leaves it to each. Fails with `not-permitted` at a machine that isn't an owner. */
  setPayout(address: string | null): Promise<void>;
  onChange(listener: () => void): () => void;
}

/** `revision` differs for each change. */
export interface SharedPayout {
  readonly address: string;
  readonly setAtMs: number;
  readonly revision: number;
  readonly by: ListedMachine | null;
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
  const list: OwnerList = {
    network,
    owner: key.peer,
    version: 1,
    machines: [self],
    rules: null,
    payout: null,
  };
  return { networkKey, network, founder: key.peer, lists: [await key.sign(list)], departures: [] };
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
  const { key, clock, log } = parts;
  const book = await openListBook(parts);
  await removeDeparted(book, parts);
  /** Without this machine's own list if it isn't an owner any more. */
  const counting = () => {
    const { lists, current } = book.held();
    return lists.filter(({ list }) => current.owners.includes(list.owner));
  };
  return {
    machines: () => book.held().current.machines,
    roleOf: (peer) => roleIn(book.held(), peer),
    mayRemove: (peer) =>
      roleIn(book.held(), key.peer) === 'owner' && mayChange(book.held().current, key.peer, peer),
    rules: () => book.held().current.rules?.set.values ?? {},
    payout: () => payoutOf(book.held().current),
    rulesBy: () =>
      book.held().current.machines.find(({ peer }) => peer === book.held().current.rules?.by) ?? null,
    lists: () => textsOf(counting()),
    departures: () => textsOf(book.held().departures),
    digest: () => digestOf([...counting(), ...book.held().departures]),
    async take(lists, departures = []) {
      if (!(await book.take(lists, departures))) return false;
      log.info('The list of machines has changed', { machines: book.held().current.machines.length });
      await removeDeparted(book, parts);
      return true;
    },
    async add(machine) {
      await book.change((own) => decideToAdd(own, book.held().current, machine, clock.now()));
      log.info('A machine was added', { machine: machine.peer, role: machine.role });
      return { ...book.record(), lists: textsOf(counting()) };
    },
    async remove(peer) {
      await book.change((own) => decideToRemove(own, book.held().current, peer));
      log.info('A machine was removed', { machine: peer });
    },
    async leave() {
      await book.leave();
      log.info('This machine leaves its network');
    },
    setRules: (values) =>
      book.change((own) => {
        const revision = numberAfter(book.held().current.rules?.set.revision ?? 0);
        return { machines: own.machines, rules: { revision, values: machineRulesSchema.parse(values) } };
      }),
    setPayout: (address) =>
      book.change((own) => decidePayout(own, book.held().current, address, clock.now())),
    onChange: book.onChange,
  };
}

/** Removes those that have left for good, as far as this machine may. */
async function removeDeparted(
  book: ListBook,
  { key, log }: { readonly key: Pick<PeerKey, 'peer'>; readonly log: Log },
): Promise<void> {
  for (const { departure } of book.held().departures) {
    const { peer } = departure;
    if (roleIn(book.held(), key.peer) !== 'owner' || !mayChange(book.held().decided, key.peer, peer))
      continue;
    try {
      await book.change((own) => decideToRemove(own, book.held().decided, peer));
      log.info('A machine has left, and was removed', { machine: peer });
    } catch (error) {
      log.warn('A machine that left wasn’t removed', { machine: peer, cause: String(error) });
    }
  }
}

function payoutOf({ machines, payout }: MergedLists): SharedPayout | null {
  if (payout === null || payout.set.address === null) return null;
  const { address, setAtMs, revision } = payout.set;
  return { address, setAtMs, revision, by: machines.find(({ peer }) => peer === payout.by) ?? null };
}

/**
 * Returns the payout address for all machines of a stored membership, as this machine follows it: null if none is set, or if
 * it was removed. Fails with `bad-request` if the record is damaged.
 */
export async function storedPayout(
  record: MembershipRecord,
  own: string,
  verifySigned: VerifySigned,
): Promise<SharedPayout | null> {
  const { current } = await readHeld(record, own, verifySigned);
  return current.machines.some(({ peer }) => peer === own) ? payoutOf(current) : null;
}
