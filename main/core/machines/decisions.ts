/** Decides for an owner about a machine, within its rights, and returns its next list. Pure. */
import { AppError } from '../../../shared/errors.ts';
import {
  DECISIONS_MAX,
  type ListedMachine,
  MACHINES_MAX,
  type MachineDecision,
  type MachineRole,
  OWNERS_MAX,
  type OwnerList,
} from '../../../shared/machines.ts';
import type { MergedLists } from './owner-lists.ts';

export type Decisions = Pick<OwnerList, 'machines' | 'rules'>;

/** True if `owner` decides about the other machine: if it is an owner, and that one isn't an owner ahead of it. */
export function mayChange({ owners }: MergedLists, owner: string, peer: string): boolean {
  const [rank, other] = [owners.indexOf(owner), owners.indexOf(peer)];
  return rank !== -1 && (other === -1 || other > rank);
}

/** Fails with `not-permitted` and `busy`. */
export function decideToAdd(
  own: OwnerList,
  merged: MergedLists,
  { peer, name, role }: Pick<ListedMachine, 'peer' | 'name' | 'role'>,
  nowMs: number,
): Decisions {
  refuseIfAhead(own, merged, peer);
  const isListed = merged.machines.some((machine) => machine.peer === peer);
  refuseIfFull(merged, { peer, role, isListed });
  const before = merged.decided.get(peer)?.decision;
  return decide(own, merged, {
    ...{ peer, name, role, addedAtMs: nowMs, isRemoved: false },
    ...numbersAfter(before),
  });
}

/** Fails with `not-permitted` and `not-found`. */
export function decideToRemove(own: OwnerList, merged: MergedLists, peer: string): Decisions {
  const before = merged.decided.get(peer)?.decision;
  if (before === undefined || before.isRemoved) {
    throw new AppError('not-found', `No machine has the ID "${peer.slice(0, 60)}".`);
  }
  refuseIfAhead(own, merged, peer);
  return decide(own, merged, { ...before, isRemoved: true });
}

function refuseIfAhead(own: OwnerList, merged: MergedLists, peer: string): void {
  if (mayChange(merged, own.owner, peer)) return;
  throw new AppError(
    'not-permitted',
    'This machine itself, the founder of the network, and owners that were added earlier can’t be removed or changed from here.',
  );
}

function refuseIfFull(
  { machines, owners }: MergedLists,
  added: { readonly peer: string; readonly role: MachineRole; readonly isListed: boolean },
): void {
  if (!added.isListed && machines.length >= MACHINES_MAX) {
    throw new AppError('busy', `A network has at most ${MACHINES_MAX} machines.`);
  }
  if (added.role === 'owner' && !owners.includes(added.peer) && owners.length >= OWNERS_MAX) {
    throw new AppError('busy', `A network has at most ${OWNERS_MAX} owners.`);
  }
}

/** The numbers of a decision that replaces the one before. */
function numbersAfter(before: MachineDecision | undefined): Pick<MachineDecision, 'generation' | 'change'> {
  if (before === undefined) return { generation: 0, change: 0 };
  return before.isRemoved
    ? { generation: before.generation + 1, change: 0 }
    : { generation: before.generation, change: before.change + 1 };
}

/**
 * Returns the machines and rules of this owner's next list. What an owner decided counts no longer once it isn't one: if
 * this decision ends that, this machine takes its decisions over, as far as they are known here.
 */
function decide(own: OwnerList, { decided, rules }: MergedLists, decision: MachineDecision): Decisions {
  const { peer } = decision;
  const ends = decision.isRemoved || decision.role !== 'owner';
  const taken = ends ? [...decided.values()].filter(({ by }) => by === peer) : [];
  const byPeer = new Map(own.machines.map((each) => [each.peer, each]));
  for (const each of taken) byPeer.set(each.decision.peer, each.decision);
  byPeer.set(peer, decision);
  const machines = [...byPeer.values()];
  if (machines.length > DECISIONS_MAX) {
    throw new AppError(
      'busy',
      `A network remembers at most ${DECISIONS_MAX} machines, removed ones included.`,
    );
  }
  return { machines, rules: ends && rules?.by === peer ? rules.set : own.rules };
}
