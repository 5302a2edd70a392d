/**
 * Peers that an owner used before: succeeded by another key, which the former key and the payout address sign, or revoked,
 * which the address alone signs. A good name can move to a new key that way, and a stolen key is worth nothing.
 */
import { z } from 'zod';
import { checkShape } from '../../../shared/check-shape.ts';
import { AppError, isAppError } from '../../../shared/errors.ts';
import { FORMER_PEERS_MAX, type FormerPeer, formerPeerSchema } from '../../../shared/identity.ts';
import type { Account, VerifyTypedData } from '../../ports/evm.ts';
import type { PeerKey, VerifySigned } from '../../ports/network.ts';
import { revocationStatement, successionStatement } from './statements.ts';

type Signer = Pick<Account, 'address' | 'signTypedData'>;

/** Signs that the owner of `key` uses the key of `successor` from now on. */
export async function signSuccession(
  key: Pick<PeerKey, 'peer' | 'sign'>,
  payout: Signer,
  successor: string,
  nowMs: number,
): Promise<FormerPeer> {
  const terms = termsAt(key.peer, payout, nowMs);
  const walletSignature = await payout.signTypedData(successionStatement({ ...terms, successor }));
  const peerSignature = await key.sign({ successor, payout: terms.payout, atSeconds: terms.atSeconds });
  return { kind: 'succeeded', ...terms, successor, walletSignature, peerSignature };
}

/** Signs that the peer is no longer the owner's. Its key isn't needed. */
export async function signRevocation(peer: string, payout: Signer, nowMs: number): Promise<FormerPeer> {
  const terms = termsAt(peer, payout, nowMs);
  const walletSignature = await payout.signTypedData(revocationStatement(terms));
  return { kind: 'revoked', ...terms, walletSignature };
}

function termsAt(peer: string, { address }: Signer, nowMs: number) {
  return { peer, payout: address, atSeconds: Math.floor(nowMs / 1_000) };
}

export interface FormerPeerChecks {
  readonly verifySigned: VerifySigned;
  readonly verifyTypedData: VerifyTypedData;
}

/**
 * Verifies the former peers in an offer of `peer`: every signature, and that each succession leads to it. Fails with
 * `bad-request`. The caller has to check whether a former peer was bound to the address that signed for it.
 */
export async function checkFormerPeers(
  formerPeers: readonly FormerPeer[],
  peer: string,
  checks: FormerPeerChecks,
): Promise<void> {
  if (leadingTo(formerPeers, peer).length < formerPeers.length) throw refused('another-peer', peer);
  for (const former of formerPeers) {
    const statement =
      former.kind === 'revoked'
        ? revocationStatement(termsOf(former))
        : successionStatement(successionOf(former));
    const isSigned =
      checks.verifyTypedData(former.payout, statement, former.walletSignature) &&
      (former.kind === 'revoked' || (await isSignedByPeer(former, checks)));
    if (!isSigned) throw refused('signature', peer);
  }
}

type Succeeded = Extract<FormerPeer, { kind: 'succeeded' }>;

function termsOf({ peer, payout, atSeconds }: FormerPeer) {
  return { peer, payout, atSeconds };
}

function successionOf(former: Succeeded) {
  return { ...termsOf(former), successor: former.successor };
}

const signedSchema = formerPeerSchema.options[0].pick({ successor: true, payout: true, atSeconds: true });

async function isSignedByPeer(former: Succeeded, { verifySigned }: FormerPeerChecks): Promise<boolean> {
  try {
    const signed = checkShape(signedSchema, await verifySigned(former.peerSignature, former.peer));
    if (!signed.success) return false;
    const { successor, payout, atSeconds } = signed.data;
    return successor === former.successor && payout === former.payout && atSeconds === former.atSeconds;
  } catch (error) {
    if (isAppError(error, 'bad-request')) return false;
    throw error;
  }
}

/** Returns those that lead to `peer`, at most as many as an offer may have: an interrupted change of keys leaves others. */
export function leadingTo(formerPeers: readonly FormerPeer[], peer: string): readonly FormerPeer[] {
  const leading: FormerPeer[] = [];
  let successor = peer;
  for (const former of [...formerPeers].reverse()) {
    if (former.peer === peer || leading.length === FORMER_PEERS_MAX) continue;
    if (former.kind === 'succeeded' && former.successor !== successor) continue;
    if (former.kind === 'succeeded') successor = former.peer;
    leading.unshift(former);
  }
  return leading;
}

/** Reads the stored list; null for text that isn't one. */
export function readFormerPeers(text: string): readonly FormerPeer[] | null {
  try {
    const parsed = z.array(formerPeerSchema).safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

function refused(reason: string, peer: string): AppError {
  return new AppError('bad-request', `A former peer in the offer is invalid (${reason}).`, {
    details: { reason: `former-peer-${reason}`, peer },
  });
}
