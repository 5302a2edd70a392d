/**
 * Merges the lists that owners sign into the one list of machines, the same in any order. Owners have a rank: the founder is
 * the first, then those that the earlier ones added, by time. An owner decides about all machines but those ahead of it, so
 * that no two decisions depend on each other, and what an owner signs counts for nothing once one ahead of it has removed
 * it. Pure.
 */
import {
  type ListedMachine,
  MACHINE_ROLES,
  type MachineDecision,
  OWNERS_MAX,
  type OwnerList,
  type SetPayout,
  type SetRules,
} from '../../../shared/machines.ts';

/** A decision that counts, and the owner that made it. */
export interface Decided {
  readonly decision: MachineDecision;
  readonly by: string;
}

export interface MergedLists {
  /** The machines, the founder first, then as they were added. */
  readonly machines: readonly ListedMachine[];
  /** By peer, those about removed machines included. */
  readonly decided: ReadonlyMap<string, Decided>;
  /** Peers about which more than one owner has decided. */
  readonly contested: ReadonlySet<string>;
  /** Peer IDs by rank. */
  readonly owners: readonly string[];
  readonly rules: { readonly set: SetRules; readonly by: string } | null;
  readonly payout: { readonly set: SetPayout; readonly by: string } | null;
}

/** `lists` has at most one list for each owner; those of peers that are no owners don't count. */
export function mergeLists(founder: string, lists: readonly OwnerList[]): MergedLists {
  const byOwner = new Map(lists.map((list) => [list.owner, list]));
  const decided = new Map<string, Decided>();
  const contested = new Set<string>();
  const owners: string[] = [];
  let rules: MergedLists['rules'] = null;
  let payout: MergedLists['payout'] = null;
  let next: string | null = founder;
  while (next !== null && owners.length < OWNERS_MAX) {
    const by: string = next;
    const list = byOwner.get(by);
    for (const decision of list?.machines ?? []) {
      const isOwnName = by === founder && decision.peer === founder;
      // Those ahead of this owner, and itself.
      if (!isOwnName && (decision.peer === by || owners.includes(decision.peer))) continue;
      const before = decided.get(decision.peer);
      if (before !== undefined && before.by !== by) contested.add(decision.peer);
      if (before === undefined || replaces(decision, before.decision)) {
        decided.set(decision.peer, { decision, by });
      }
    }
    if (list?.rules && (rules === null || list.rules.revision > rules.set.revision)) {
      rules = { set: list.rules, by };
    }
    if (list?.payout && (payout === null || list.payout.revision > payout.set.revision)) {
      payout = { set: list.payout, by };
    }
    owners.push(by);
    next = nextOwner(decided, owners);
  }
  return { machines: listed(founder, decided), decided, contested, owners, rules, payout };
}

/** True if `decision` counts instead of `other`. */
function replaces(decision: MachineDecision, other: MachineDecision): boolean {
  if (decision.generation !== other.generation) return decision.generation > other.generation;
  if (decision.isRemoved !== other.isRemoved) return decision.isRemoved;
  if (decision.change !== other.change) return decision.change > other.change;
  // Of decisions that were made at the same time, the one that permits less; of equals, that of the owner ahead.
  return MACHINE_ROLES.indexOf(decision.role) > MACHINE_ROLES.indexOf(other.role);
}

function nextOwner(decided: ReadonlyMap<string, Decided>, done: readonly string[]): string | null {
  const waiting = [...decided.values()]
    .map(({ decision }) => decision)
    .filter(({ peer, role, isRemoved }) => role === 'owner' && !isRemoved && !done.includes(peer));
  return waiting.sort(byTime)[0]?.peer ?? null;
}

function byTime(left: ListedMachine, right: ListedMachine): number {
  return left.addedAtMs - right.addedAtMs || (left.peer < right.peer ? -1 : 1);
}

function listed(founder: string, decided: ReadonlyMap<string, Decided>): readonly ListedMachine[] {
  const machines = [...decided.values()].flatMap(({ decision }): ListedMachine[] => {
    const { peer, name, role, addedAtMs, isRemoved } = decision;
    const isFounder = peer === founder;
    if (isRemoved && !isFounder) return [];
    return [{ peer, name, role: isFounder ? 'owner' : role, addedAtMs }];
  });
  const first = machines.filter(({ peer }) => peer === founder);
  return [...first, ...machines.filter(({ peer }) => peer !== founder).sort(byTime)];
}
