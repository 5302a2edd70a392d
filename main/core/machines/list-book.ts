/** Keeps what owners and leaving machines signed about one network: verified, stored before it counts, one change after the other. */
import { checkShape } from '../../../shared/check-shape.ts';
import { AppError } from '../../../shared/errors.ts';
import {
  type Departure,
  LIST_CHARACTERS_MAX,
  type MachineRole,
  numberAfter,
  type OwnerList,
  ownerListSchema,
  type PairingAnswer,
} from '../../../shared/machines.ts';
import type { PeerKey, VerifySigned } from '../../ports/network.ts';
import type { Decisions } from './decisions.ts';
import { type Held, holdFrom, readDeparture } from './departures.ts';
import type { MergedLists } from './owner-lists.ts';
import { digestOf, readList, type SignedList } from './signed-lists.ts';

/**
 * Membership of a machine in its network. `networkKey` is secret; the founder's peer ID is what it trusts. `isLeaving`: this
 * machine has signed that it leaves, and the record is to be deleted.
 */
export type MembershipRecord = Omit<PairingAnswer, 'proof'> & { readonly isLeaving?: boolean };

/** Keeps the record in a file that only the owner can read. */
export interface MembershipStore {
  write(record: MembershipRecord): void;
}

export interface ListBook {
  held(): Held;
  record(): MembershipRecord;
  /** Signs this machine's next list. Fails with `not-permitted` if it isn't an owner's, with `bad-request`, and like `decide`. */
  change(decide: (own: OwnerList) => Decisions): Promise<void>;
  /** Takes what is valid and newer; false if nothing is. */
  take(lists: readonly string[], departures: readonly string[]): Promise<boolean>;
  /** See `MachineRoster.leave`. */
  leave(): Promise<void>;
  onChange(listener: () => void): () => void;
}

/** Returns the verified lists and departures. Fails with `bad-request`, also if the founder's list is missing. */
export async function readHeld(
  { founder, network, ...signed }: Pick<MembershipRecord, 'founder' | 'network' | 'lists' | 'departures'>,
  own: string,
  verifySigned: VerifySigned,
): Promise<Held> {
  const [lists, departures] = await Promise.all([
    Promise.all(signed.lists.map((jws) => readList(jws, network, verifySigned))),
    Promise.all(signed.departures.map((jws) => readDeparture(jws, network, verifySigned))),
  ]);
  const held = holdFrom(founder, own, { lists, departures });
  if (held.decided.machines[0]?.peer !== founder)
    throw new AppError('bad-request', 'The list of machines is invalid.');
  return held;
}

/** Fails with `bad-request` if the record is damaged. */
export async function openListBook(parts: {
  readonly record: MembershipRecord;
  readonly store: MembershipStore;
  readonly key: PeerKey;
  readonly verifySigned: VerifySigned;
}): Promise<ListBook> {
  const { store, key, verifySigned } = parts;
  const { founder, network } = parts.record;
  let record = parts.record;
  let held = await readHeld(record, key.peer, verifySigned);
  const listeners = new Set<() => void>();

  function use(next: Held, added: Pick<MembershipRecord, 'isLeaving'> = {}): void {
    const changed = { ...record, ...added, lists: textsOf(next.lists), departures: textsOf(next.departures) };
    store.write(changed);
    record = changed;
    held = next;
    for (const listener of [...listeners]) listener();
  }
  const holding = (lists: readonly SignedList[], departures: Held['departures'] = []) =>
    holdFrom(founder, key.peer, {
      lists: [...held.lists, ...lists],
      departures: [...held.departures, ...departures],
    });
  const ownList = () => held.lists.find(({ list }) => list.owner === key.peer)?.list;

  /** Changes follow each other: each signs the next version. */
  let last: Promise<unknown> = Promise.resolve();
  function inTurn(run: () => Promise<void>): Promise<void> {
    const done = last.then(run);
    last = done.catch(() => undefined);
    return done;
  }

  return {
    held: () => held,
    record: () => record,
    change: (decide) =>
      inTurn(async () => {
        if (roleIn(held, key.peer) !== 'owner') throw noOwner();
        const own = ownList() ?? {
          ...{ network, owner: key.peer, version: 0, machines: [], rules: null, payout: null },
        };
        const signed = await signList(key, { ...own, ...decide(own), version: numberAfter(own.version) });
        const next = holding([signed]);
        if (!next.lists.includes(signed)) throw unreadable();
        use(next);
      }),
    async take(givenLists, givenDepartures) {
      const known = new Set([...record.lists, ...record.departures]);
      const [lists, departures] = await Promise.all([
        readAll(givenLists, known, (jws) => readList(jws, network, verifySigned)),
        readAll(givenDepartures, known, (jws) => readDeparture(jws, network, verifySigned)),
      ]);
      // Compared after the wait: others may have come meanwhile.
      const next = holding(lists, departures);
      if (allOf(next) === allOf(held)) return false;
      use(next);
      return true;
    },
    leave: () =>
      inTurn(async () => {
        if (roleIn(held, key.peer) === null) return;
        refuseLastOwner(held.current, key.peer);
        const { generation = 0 } = held.decided.decided.get(key.peer)?.decision ?? {};
        const version = ownList()?.version ?? 0;
        const departure: Departure = { network, peer: key.peer, leaves: true, generation, version };
        const signed = { departure, jws: await key.sign(departure) };
        use(holding([], [signed]), { isLeaving: true });
      }),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export function roleIn({ current }: Held, peer: string): MachineRole | null {
  return current.machines.find((machine) => machine.peer === peer)?.role ?? null;
}

function noOwner(): AppError {
  return new AppError('not-permitted', 'Only an owner’s machine adds, removes and sets rules for all.');
}

export function textsOf(signed: readonly { readonly jws: string }[]): string[] {
  return signed.map(({ jws }) => jws);
}

function allOf({ lists, departures }: Held): string {
  return digestOf([...lists, ...departures]);
}

/** Reads those that aren't known yet, without the invalid ones. */
async function readAll<Signed>(
  given: readonly string[],
  known: ReadonlySet<string>,
  read: (jws: string) => Promise<Signed>,
): Promise<Signed[]> {
  const unknown = given.filter((jws) => !known.has(jws));
  const results = await Promise.all(unknown.map((jws) => read(jws).catch(() => null)));
  return results.filter((signed) => signed !== null);
}

/** Without an owner, nobody could add or remove a machine any more. */
function refuseLastOwner({ machines }: MergedLists, own: string): void {
  const others = machines.filter(({ peer }) => peer !== own);
  const isOwner = machines.some(({ peer, role }) => peer === own && role === 'owner');
  if (!isOwner || others.length === 0 || others.some(({ role }) => role === 'owner')) return;
  throw new AppError(
    'bad-request',
    'This is the only owner’s machine of its network. Nothing was changed. Add another owner’s machine first, or remove the others.',
  );
}

/** Fails with `bad-request` for a list that others can't read, which would also keep this machine from its next start. */
async function signList(key: PeerKey, next: OwnerList): Promise<SignedList> {
  const list = checkShape(ownerListSchema, next).data;
  if (list === undefined) throw unreadable();
  const jws = await key.sign(list);
  if (jws.length > LIST_CHARACTERS_MAX) throw unreadable();
  return { list, jws };
}

function unreadable(): AppError {
  return new AppError(
    'bad-request',
    'The other machines couldn’t read or take this list. Nothing was changed. Remove this machine on another owner’s machine, or found another network.',
  );
}
