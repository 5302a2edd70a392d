/**
 * The list of the owner's machines with their roles. Only the founder changes and signs it; every machine keeps the newest
 * one that it saw and passes it on, so that it spreads while the founder is off.
 */
import { AppError } from '../../../shared/errors.ts';
import {
  type ListedMachine,
  MACHINES_MAX,
  type MachineRole,
  type PairingAnswer,
  type Roster,
  rosterSchema,
} from '../../../shared/machines.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { PeerKey, VerifySigned } from '../../ports/network.ts';

/** Membership of a machine in its network. `networkKey` is secret; the founder's peer ID is what it trusts. */
export type MembershipRecord = Omit<PairingAnswer, 'proof'>;

/** Keeps the record in a file that only the owner can read. */
export interface MembershipStore {
  write(record: MembershipRecord): void;
}

export interface MachineRoster {
  readonly founder: string;
  readonly isFounder: boolean;
  machines(): readonly ListedMachine[];
  /** Null for a peer that isn't one of the owner's machines. */
  roleOf(peer: string): MachineRole | null;
  /** The newest roster as the founder signed it. */
  jws(): string;
  /** Takes a newer roster of the same founder; false for any other text. Never rejects for what another machine sent. */
  take(jws: string): Promise<boolean>;
  /** Adds a machine or changes its role. Fails with `not-permitted` at other machines than the founder, and with `busy` if the list is full. */
  add(machine: Pick<ListedMachine, 'peer' | 'name' | 'role'>): Promise<MembershipRecord>;
  /** Fails with `not-permitted` at other machines than the founder and for the founder, and with `not-found`. */
  remove(peer: string): Promise<void>;
  onChange(listener: () => void): () => void;
}

/** Returns the verified roster. Fails with `bad-request`. */
export async function readRoster(
  jws: string,
  { founder, network }: Pick<MembershipRecord, 'founder' | 'network'>,
  verifySigned: VerifySigned,
): Promise<Roster> {
  const parsed = rosterSchema.safeParse(await verifySigned(jws, founder));
  const isValid =
    parsed.success &&
    parsed.data.network === network &&
    parsed.data.machines.some(({ peer, role }) => peer === founder && role === 'owner') &&
    new Set(parsed.data.machines.map(({ peer }) => peer)).size === parsed.data.machines.length;
  if (!isValid) throw new AppError('bad-request', 'The list of machines is invalid.');
  return parsed.data;
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
  const machines = [{ peer: key.peer, name, role: 'owner' as const, addedAtMs: nowMs }];
  const roster = await key.sign({ network, version: 1, machines } satisfies Roster);
  return { networkKey, network, founder: key.peer, roster };
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
  let record = parts.record;
  let roster = await readRoster(record.roster, record, verifySigned);
  const listeners = new Set<() => void>();
  const isFounder = record.founder === key.peer;

  function use(next: Roster, jws: string): void {
    const changed = { ...record, roster: jws };
    store.write(changed);
    record = changed;
    roster = next;
    for (const listener of [...listeners]) listener();
  }

  async function sign(machines: readonly ListedMachine[]): Promise<void> {
    const next = { ...roster, version: roster.version + 1, machines: [...machines] };
    use(next, await key.sign(next));
  }

  /** Changes follow each other: each signs the next version. */
  let last: Promise<unknown> = Promise.resolve();
  function change(run: () => Promise<void>): Promise<void> {
    if (!isFounder) {
      throw new AppError(
        'not-permitted',
        'Only the machine that founded this network adds and removes machines.',
      );
    }
    const changed = last.then(run);
    last = changed.catch(() => undefined);
    return changed;
  }

  return {
    founder: record.founder,
    isFounder,
    machines: () => roster.machines,
    roleOf: (peer) => roster.machines.find((machine) => machine.peer === peer)?.role ?? null,
    jws: () => record.roster,
    async take(jws) {
      if (jws === record.roster || isFounder) return false;
      const next = await readRoster(jws, record, verifySigned).catch(() => null);
      // Compared after the wait: another one may have come meanwhile.
      if (next === null || next.version <= roster.version) return false;
      use(next, jws);
      log.info('The list of machines has changed', { version: next.version, machines: next.machines.length });
      return true;
    },
    async add({ peer, name, role }) {
      await change(async () => {
        const others = roster.machines.filter((machine) => machine.peer !== peer);
        if (others.length >= MACHINES_MAX) {
          throw new AppError('busy', `A network has at most ${MACHINES_MAX} machines.`);
        }
        if (peer === key.peer)
          throw new AppError('bad-request', 'This machine is the founder of the network.');
        await sign([...others, { peer, name, role, addedAtMs: clock.now() }]);
        log.info('A machine was added', { machine: peer, role });
      });
      return record;
    },
    async remove(peer) {
      await change(async () => {
        if (peer === key.peer) {
          throw new AppError('not-permitted', 'The machine that founded this network can’t be removed.');
        }
        const others = roster.machines.filter((machine) => machine.peer !== peer);
        if (others.length === roster.machines.length) {
          throw new AppError('not-found', `No machine has the ID "${peer.slice(0, 60)}".`);
        }
        await sign(others);
        log.info('A machine was removed', { machine: peer });
      });
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
