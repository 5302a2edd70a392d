/** Decides for an owner about a machine, within its rights, and returns its next list. Pure. */
import { AppError } from '../../../shared/errors.ts';
import {
  DECISIONS_MAX,
  LIST_CHARACTERS_MAX,
  LIST_NUMBER_MAX,
  type ListedMachine,
  MACHINES_MAX,
  type MachineDecision,
  type MachineRole,
  numberAfter,
  OWNERS_MAX,
  type OwnerList,
  type SetRules,
} from '../../../shared/machines.ts';
import type { MergedLists } from './owner-lists.ts';

/** Bytes of rules that are taken over from another owner. */
const RULES_BYTES_MAX = 8_000;
/** Bytes of all decisions of a list: signed, in Base64, they leave room for the rules and the signature. */
const DECISIONS_BYTES_MAX = 0.75 * LIST_CHARACTERS_MAX - RULES_BYTES_MAX - 1_500;

/** Generation of a decision that is taken over. */
const TAKEN_GENERATION_MAX = LIST_NUMBER_MAX / 2;

export type Decisions = Pick<OwnerList, 'machines' | 'rules'> & Partial<Pick<OwnerList, 'payout'>>;

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

/** `address`: null leaves the payout address to each machine. */
export function decidePayout(
  { machines, rules }: OwnerList,
  { payout }: MergedLists,
  address: string | null,
  nowMs: number,
): Decisions {
  const revision = numberAfter(payout?.set.revision ?? 0);
  return { machines, rules, payout: { revision, address, setAtMs: nowMs } };
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
    ? { generation: numberAfter(before.generation), change: 0 }
    : { generation: before.generation, change: numberAfter(before.change) };
}

/**
 * Returns the machines and rules of this owner's next list. What an owner decided counts no longer once it isn't one: if
 * this decision ends that, this machine takes its decisions over, as far as they are known here. Its payout address isn't
 * taken over: whoever stole an owner's machine may have set it.
 */
function decide(
  own: OwnerList,
  { decided, contested, rules }: MergedLists,
  decision: MachineDecision,
): Decisions {
  const { peer } = decision;
  const ends = decision.isRemoved || decision.role !== 'owner';
  const ended = ends ? endedWith(peer, own, decided) : new Set<string>();
  const taken = [...decided.values()].filter(({ by }) => ended.has(by));
  const machines = new Map(own.machines.map((each) => [each.peer, each]));
  machines.set(peer, decision);
  if (!fits([...machines.values()])) {
    throw new AppError(
      'busy',
      `A network remembers at most ${DECISIONS_MAX} machines, removed ones included.`,
    );
  }
  const isNeeded = (each: MachineDecision) =>
    !each.isRemoved || contested.has(each.peer) || machines.has(each.peer);
  const plain = taken.map(({ decision: each }) =>
    withRoom(ended.has(each.peer) ? { ...each, role: 'use' as const } : each),
  );
  takeOver(
    machines,
    plain.filter((each) => each.peer !== peer && isNeeded(each)),
  );
  return {
    machines: [...machines.values()],
    rules: rules !== null && ended.has(rules.by) && hasRoom(rules.set) ? rules.set : own.rules,
  };
}

/** Above the highest generation nobody adds a machine again: one that only a thief signs is lowered, and owners continue from it. */
function withRoom(decision: MachineDecision): MachineDecision {
  return { ...decision, generation: Math.min(decision.generation, TAKEN_GENERATION_MAX) };
}

/**
 * Returns the owner that ends, and those that count as owners by its decision, or by that of another one of these: whoever
 * stole its machine may have added them. They stay machines that use the others, until the owner decides again.
 */
function endedWith(peer: string, own: OwnerList, decided: MergedLists['decided']): ReadonlySet<string> {
  const isOwn = (other: string) =>
    own.machines.some((each) => each.peer === other && each.role === 'owner' && !each.isRemoved);
  const ended = new Set([peer]);
  // Grows meanwhile, and is walked to its end.
  for (const by of ended) {
    for (const each of decided.values()) {
      const { role, isRemoved } = each.decision;
      if (each.by === by && role === 'owner' && !isRemoved && !isOwn(each.decision.peer))
        ended.add(each.decision.peer);
    }
  }
  return ended;
}

/** Adds the decisions for which there is room, those about machines in use first, so that an owner with too many can still be removed. */
function takeOver(machines: Map<string, MachineDecision>, taken: readonly MachineDecision[]): void {
  const inOrder = [...taken.filter((each) => !each.isRemoved), ...taken.filter((each) => each.isRemoved)];
  for (const decision of inOrder) {
    const before = machines.get(decision.peer);
    machines.set(decision.peer, decision);
    const listed = [...machines.values()];
    if (fits(listed) && listed.filter((each) => !each.isRemoved).length <= MACHINES_MAX) continue;
    if (before === undefined) machines.delete(decision.peer);
    else machines.set(decision.peer, before);
  }
}

function hasRoom(rules: SetRules): boolean {
  return Buffer.byteLength(JSON.stringify(rules)) <= RULES_BYTES_MAX;
}

/** True if a signed list with these decisions, and with rules, is one that other machines read. */
function fits(machines: readonly MachineDecision[]): boolean {
  return (
    machines.length <= DECISIONS_MAX && Buffer.byteLength(JSON.stringify(machines)) <= DECISIONS_BYTES_MAX
  );
}
