/**
 * Reads the statements with which machines leave, and applies them to the lists of the owners. A departure ends one decision about
 * the machine that signed it, so that an owner can add the machine again; until an owner removes it for good, every machine
 * keeps the departure and passes it on.
 */
import { checkShape } from '../../../shared/check-shape.ts';
import { AppError } from '../../../shared/errors.ts';
import { type Departure, departureSchema, MACHINES_MAX } from '../../../shared/machines.ts';
import type { VerifySigned } from '../../ports/network.ts';
import { type MergedLists, mergeLists } from './owner-lists.ts';
import { claimedSigner, newestLists, type SignedList } from './signed-lists.ts';

/** A departure and the JWS that it was read from. */
export interface SignedDeparture {
  readonly departure: Departure;
  readonly jws: string;
}

/** All that a machine keeps about its network. */
export interface Held {
  readonly lists: readonly SignedList[];
  /** Of machines that no owner has removed yet. */
  readonly departures: readonly SignedDeparture[];
  /** The decisions of the owners, merged. */
  readonly decided: MergedLists;
  /** The same without the machines that left: they count as removed. */
  readonly current: MergedLists;
}

/** Returns the verified departure. Fails with `bad-request`. */
export async function readDeparture(
  jws: string,
  network: string,
  verifySigned: VerifySigned,
): Promise<SignedDeparture> {
  const signer = claimedSigner(jws, departureSchema, ({ peer }) => peer);
  const parsed = checkShape(departureSchema, await verifySigned(jws, signer));
  if (!parsed.success || parsed.data.network !== network) {
    throw new AppError('bad-request', 'The departure of a machine is invalid.');
  }
  return { departure: parsed.data, jws };
}

/**
 * Returns what counts of the given lists and departures, the same in any order. A list that its owner signed after it left
 * doesn't; a departure without a decision that it ends is dropped. Pure.
 */
export function holdFrom(
  founder: string,
  own: string,
  given: { readonly lists: readonly SignedList[]; readonly departures: readonly SignedDeparture[] },
): Held {
  let departures = given.departures;
  for (;;) {
    const lists = newestLists(founder, own, before(departures, given.lists));
    const decided = mergeLists(
      founder,
      lists.map(({ list }) => list),
    );
    const ending = onePerMachine(departures.filter(({ departure }) => ends(departure, decided)));
    if (ending.length === departures.length) {
      return { lists, departures: ending, decided, current: without(decided, ending) };
    }
    // Without those that end nothing, more lists may count, of a machine that was added again.
    departures = ending;
  }
}

function before(departures: readonly SignedDeparture[], lists: readonly SignedList[]): readonly SignedList[] {
  return lists.filter(({ list }) =>
    departures.every(({ departure: { peer, version } }) => peer !== list.owner || list.version <= version),
  );
}

function ends({ peer, generation }: Departure, { decided }: MergedLists): boolean {
  const decision = decided.get(peer)?.decision;
  return decision !== undefined && !decision.isRemoved && decision.generation === generation;
}

/** Of several of one machine, all machines choose the one that lets less of its own list count. */
function onePerMachine(departures: readonly SignedDeparture[]): readonly SignedDeparture[] {
  const chosen = new Map<string, SignedDeparture>();
  for (const each of departures) {
    const other = chosen.get(each.departure.peer);
    if (other === undefined || isChosen(each, other)) chosen.set(each.departure.peer, each);
  }
  return [...chosen.values()]
    .sort((left, right) => (left.departure.peer < right.departure.peer ? -1 : 1))
    .slice(0, MACHINES_MAX);
}

function isChosen(each: SignedDeparture, other: SignedDeparture): boolean {
  const difference = each.departure.version - other.departure.version;
  return difference < 0 || (difference === 0 && each.jws < other.jws);
}

function without(decided: MergedLists, departures: readonly SignedDeparture[]): MergedLists {
  const gone = new Set(departures.map(({ departure }) => departure.peer));
  if (gone.size === 0) return decided;
  const decisions = [...decided.decided].map(
    ([peer, { decision, by }]) =>
      [peer, { by, decision: gone.has(peer) ? { ...decision, isRemoved: true } : decision }] as const,
  );
  return {
    ...decided,
    machines: decided.machines.filter(({ peer }) => !gone.has(peer)),
    decided: new Map(decisions),
  };
}
