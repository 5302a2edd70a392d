/**
 * The payout address that an owner set for all machines, where this one sells to others. Money that is due to the former
 * address goes there first, so that a change takes effect at a start, before anything is sold.
 */
import { z } from 'zod';
import { nameOf } from '../../shared/machines.ts';
import { readAddress } from '../adapters/ethers/index.ts';
import { createPeerKey, loadPeerKey, verifySigned } from '../adapters/libp2p/index.ts';
import { isPendingPayout } from '../core/ledger/index.ts';
import { type MachineRoster, type SharedPayout, storedPayout } from '../core/machines/index.ts';
import { sharedPayoutFile } from '../core/wallet/index.ts';
import type { HomePaths } from '../ports/data-folder.ts';
import type { RecordStore } from '../ports/store.ts';
import { type Foundation, openFoundation } from './foundation.ts';
import { membershipFile } from './membership-file.ts';
import { openMoney } from './money.ts';
import type { Surroundings } from './surroundings.ts';

const COLLECTION = 'own-machines';
const KEY = 'payout-notice';
/** The reason why what is due to the former address wasn't paid out at this start. */
const WAITING_KEY = 'payout-waiting';
const REASON_CHARACTERS_MAX = 200;
/** Time for which each machine shows that the address was set or changed, from when this machine learned of it. */
const NOTICE_MS = 7 * 86_400_000;
const NOTICE_CHECK_MS = 60_000;
/** Owners can change the address again and again: this machine starts again for it once in this time. */
const RESTART_EVERY_MS = 3_600_000;

const noticedSchema = z.object({
  /** Change that was noticed, see {@link changeOf}. */
  change: z.string(),
  atMs: z.number(),
  /** Change for which this machine was started again. */
  restarted: z.string().nullable(),
  restartedAtMs: z.number().nullable().default(null),
});
type Noticed = z.infer<typeof noticedSchema>;

/**
 * Takes the address over, or gives it up, with a claim and payout to the former one first if something is due to it. Stays
 * with the former one if that fails. Everything that is opened here is closed by the caller.
 */
export async function followSharedPayout(surroundings: Surroundings, paths: HomePaths): Promise<void> {
  const { terms, log } = surroundings;
  if (!terms.isPaid) return;
  const own = log.child('payout');
  const file = sharedPayoutFile(paths.keys);
  const wanted = await wantedPayout(paths.keys);
  if (wanted === file.read()) return;
  const foundation = openFoundation(surroundings, paths);
  // Opened in any case: only after the ledger was recovered does it show what is due.
  const money = await openMoney(surroundings, foundation, { begin: () => undefined });
  const { records } = foundation;
  records.delete(COLLECTION, WAITING_KEY);
  const waiting = (reason: string) => {
    own.warn('The payout to the former address waits', { reason });
    records.set(COLLECTION, WAITING_KEY, JSON.stringify(reason.slice(0, REASON_CHARACTERS_MAX)));
  };
  const isDue = () => isPendingPayout(foundation.ledger.trialBalance());
  if (isDue()) {
    money.settlement.onEvent((event) => {
      if (event.type === 'waiting') waiting(event.reason);
    });
    await money.settlement.settleNow().catch((error: unknown) => {
      waiting(String(error));
    });
  }
  if (isDue()) {
    own.warn('The former payout address stays in use until what is due to it is paid out', { wanted });
    return;
  }
  records.delete(COLLECTION, WAITING_KEY);
  file.write(wanted);
  own.info('The payout address for all machines is used from now on', { address: wanted });
}

async function wantedPayout(keysFolder: string): Promise<string | null> {
  const record = membershipFile(keysFolder, 'outside').read();
  if (record === null) return null;
  const { peer } = await createPeerKey(await loadPeerKey(keysFolder));
  return readable(await storedPayout(record, peer, verifySigned))?.address ?? null;
}

/** As machines follow it: null for no address, and for one without its checksum or with a wrong one, which no machine of ours sets. */
export function readable(payout: SharedPayout | null): SharedPayout | null {
  try {
    return payout === null ? null : { ...payout, address: readAddress(payout.address) };
  } catch {
    return null;
  }
}

/**
 * Tells the owner on this machine that the address was set or changed and, while another one is in use here, that it takes
 * effect at the next start. `restart` begins that start; null where nothing would.
 */
export function watchSharedPayout(
  { terms, clock, notices, onClose, log }: Surroundings,
  { records, paths }: Pick<Foundation, 'records' | 'paths'>,
  parts: {
    readonly roster: Pick<MachineRoster, 'onChange' | 'payout' | 'roleOf'>;
    /** ID of the private network. */
    readonly network: string;
    /** This machine's peer ID. */
    readonly own: string;
    /** True while no job is in progress. */
    readonly isIdle: () => boolean;
    readonly restart: (() => void) | null;
  },
): void {
  const { roster, network, own, isIdle, restart } = parts;
  const inUse = terms.isPaid ? sharedPayoutFile(paths.keys).read() : null;
  const stored = (): Noticed | null => {
    const text = records.get(COLLECTION, KEY);
    // What an earlier version stored is noticed again.
    return text === null ? null : (noticedSchema.safeParse(JSON.parse(text)).data ?? null);
  };
  const keep = (noticed: Noticed) => records.set(COLLECTION, KEY, JSON.stringify(noticed));

  function check(): void {
    const payout = roster.roleOf(own) === null ? null : readable(roster.payout());
    let noticed = stored();
    const change = changeOf(network, payout);
    if (payout !== null && noticed?.change !== change) {
      noticed = { restarted: null, restartedAtMs: null, ...noticed, change, atMs: clock.now() };
      keep(noticed);
      log.child('payout').info('The payout address for all machines was set', detailsOf(payout));
    }
    const isNew = payout !== null && noticed !== null && clock.now() - noticed.atMs < NOTICE_MS;
    if (isNew) notices.show('payout-for-all', { severity: 'warning', details: detailsOf(payout) });
    else notices.clear('payout-for-all');
    const waits = terms.isPaid && (payout?.address ?? null) !== inUse;
    if (!waits) {
      notices.clear('payout-next-start');
      return;
    }
    notices.show('payout-next-start', { severity: 'warning', details: waitingReason(records) });
    // Once: where what is due can't be paid out, the next start is the owner's.
    if (restart === null || noticed?.restarted === change) return;
    const nowMs = clock.now();
    const sinceMs =
      noticed?.restartedAtMs == null ? RESTART_EVERY_MS : Math.abs(nowMs - noticed.restartedAtMs);
    if (!isIdle() || sinceMs < RESTART_EVERY_MS) return;
    keep({ ...(noticed ?? { change, atMs: nowMs }), restarted: change, restartedAtMs: nowMs });
    log.child('payout').info('Idlewatt starts again to use the payout address for all machines');
    restart();
  }

  check();
  onClose(roster.onChange(check));
  const timer = clock.every(NOTICE_CHECK_MS, check);
  onClose(() => timer.cancel());
}

function waitingReason(records: Pick<RecordStore, 'get'>): { readonly reason?: string } {
  const text = records.get(COLLECTION, WAITING_KEY);
  return text === null ? {} : { reason: z.string().parse(JSON.parse(text)) };
}

/** Differs for each change: whoever signs a list chooses the revision, so that it alone tells no change from another. */
function changeOf(network: string, payout: SharedPayout | null): string {
  const { address = null, by = null, revision = 0 } = payout ?? {};
  return JSON.stringify([network, address, by?.peer ?? null, revision]);
}

function detailsOf({ address, by }: SharedPayout): Readonly<Record<string, string>> {
  return { address, ...(by !== null && { by: nameOf(by) }) };
}
