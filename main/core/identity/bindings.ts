/**
 * Binds a peer key and a payout address to each other for a while, as a W3C verifiable credential (data model 1.1, JWT):
 * the peer's `did:key` issues it about the address's `did:pkh`, and the address's EIP-712 signature is its evidence.
 */
import { z } from 'zod';
import { checkShape } from '../../../shared/check-shape.ts';
import { AppError } from '../../../shared/errors.ts';
import { bindingSignatureSchema, type SignedBinding, secondsSchema } from '../../../shared/identity.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Account, VerifyByContract, VerifyTypedData } from '../../ports/evm.ts';
import type { DidOf, PeerKey, VerifySigned } from '../../ports/network.ts';
import { createRenewal } from './renewal.ts';
import { bindingStatement } from './statements.ts';

const CONTEXT = 'https://www.w3.org/2018/credentials/v1';
const TYPE = 'IdlewattPeerBinding';
const EVIDENCE_TYPE = 'EthereumEip712Signature';

const bindingSchema = z.object({
  iss: z.string().max(200),
  sub: z.string().max(200),
  nbf: secondsSchema,
  exp: secondsSchema,
  vc: z.object({
    type: z.array(z.string().max(100)).max(8),
    credentialSubject: z.object({ id: z.string().max(200), peer: z.string().max(200) }),
    evidence: z.tuple([
      z.object({ type: z.array(z.string().max(100)).max(8), signature: bindingSignatureSchema }),
    ]),
  }),
});

export interface BindingsOptions {
  readonly key: Pick<PeerKey, 'peer' | 'did' | 'signCredential'>;
  readonly clock: Clock;
  /** The payout address with its key; null if the key isn't on this machine. */
  readonly payout: Pick<Account, 'address' | 'signTypedData'> | null;
  /**
   * The statement that the payout address signed elsewhere, read each time; null if it signed nothing. The caller has compared it with the
   * payout address and the peer.
   */
  readonly signedElsewhere?: () => SignedBinding | null;
  /** CAIP-2 ID of the chain. */
  readonly network: string;
  /** Validity of a binding. Default: 24 hours. */
  readonly lifetimeMs?: number;
}

/** The binding of this machine, always valid. */
export interface Bindings {
  /** A compact JWS; null without the payout address's key, if it signed nothing elsewhere that is valid now. */
  current(): Promise<string | null>;
}

const LIFETIME_MS = 24 * 3_600_000;
/** Longest validity of a binding: without a revocation, it ends by then. */
export const LIFETIME_SECONDS_MAX = 31 * 86_400;
/** Tolerance for a beginning in the future: clocks of home PCs are wrong by minutes. */
export const CLOCK_SKEW_MS_MAX = 300_000;

/** Signs on demand: a new binding after half of the last one's lifetime. */
export function createBindings(options: BindingsOptions): Bindings {
  const { clock, payout, lifetimeMs = LIFETIME_MS } = options;
  const renewal = createRenewal<string>(clock, lifetimeMs);
  return {
    async current() {
      if (payout !== null) {
        return renewal('', (nowMs) => sign({ ...options, payout }, nowMs, nowMs + lifetimeMs));
      }
      const signed = options.signedElsewhere?.() ?? null;
      if (signed === null || signed.untilSeconds * 1_000 <= clock.now()) return null;
      return renewal(signed.signature, () => issue(options, signed));
    },
  };
}

async function sign(
  {
    key,
    payout,
    network,
  }: Pick<BindingsOptions, 'key' | 'network'> & { readonly payout: NonNullable<BindingsOptions['payout']> },
  fromMs: number,
  untilMs: number,
): Promise<string> {
  const terms = {
    ...{ peer: key.peer, payout: payout.address },
    ...{ fromSeconds: Math.floor(fromMs / 1_000), untilSeconds: Math.floor(untilMs / 1_000) },
  };
  const signature = await payout.signTypedData(bindingStatement(terms));
  return issue({ key, network }, { ...terms, signature });
}

/** Issues the credential with the address's signature as its evidence. */
function issue(
  { key: { peer, did, signCredential }, network }: Pick<BindingsOptions, 'key' | 'network'>,
  { payout, fromSeconds, untilSeconds, signature }: SignedBinding,
): Promise<string> {
  const subject = didOfAddress(network, payout);
  return signCredential({
    ...{ iss: did, sub: subject, nbf: fromSeconds, exp: untilSeconds },
    vc: {
      '@context': [CONTEXT],
      type: ['VerifiableCredential', TYPE],
      credentialSubject: { id: subject, peer },
      evidence: [{ type: [EVIDENCE_TYPE], signature }],
    },
  });
}

export interface BindingChecks {
  readonly verifySigned: VerifySigned;
  readonly verifyTypedData: VerifyTypedData;
  /** Asks the chain about a signature of a contract wallet; absent: none counts. */
  readonly verifyByContract?: VerifyByContract;
  readonly didOf: DidOf;
  readonly clock: Clock;
  /** Error of either clock that is tolerated. Default: none at the expiry, five minutes at the beginning. */
  readonly clockErrorMsMax?: number;
}

/** The two that a binding has to be of, and the chains (CAIP-2 IDs) on which the address is paid. */
export interface BoundParties {
  readonly peer: string;
  readonly payout: string;
  readonly networks: readonly string[];
}

/**
 * Verifies that this peer and this address have signed each other's names, and that the binding is valid now. `unknown` if only
 * the chain could tell whether the address signed, and it couldn't be asked. Fails with `bad-request`; `details.reason` begins
 * with `binding-`.
 */
export async function checkBinding(
  jws: string,
  { peer, payout, networks }: BoundParties,
  checks: BindingChecks,
): Promise<'bound' | 'unknown'> {
  const claims = await checks.verifySigned(jws, peer).catch((cause: unknown) => {
    throw refused('signature', peer, cause);
  });
  const result = checkShape(bindingSchema, claims);
  if (!result.success) throw refused('malformed', peer);
  const { iss, sub, nbf, exp, vc } = result.data;
  const { type, credentialSubject, evidence } = vc;
  if (!type.includes(TYPE)) throw refused('malformed', peer);
  if (iss !== checks.didOf(peer) || credentialSubject.peer !== peer) throw refused('another-peer', peer);
  const subjects = networks.map((network) => didOfAddress(network, payout).toLowerCase());
  if (!subjects.includes(sub.toLowerCase()) || credentialSubject.id !== sub)
    throw refused('another-address', peer);
  checkTimes({ nbf, exp }, peer, checks);
  const statement = bindingStatement({ peer, payout, fromSeconds: nbf, untilSeconds: exp });
  const { signature } = evidence[0];
  if (checks.verifyTypedData(payout, statement, signature)) return 'bound';
  const byContract = await checks.verifyByContract?.(payout, statement, signature);
  if (byContract === 'accepted') return 'bound';
  if (byContract === 'unknown') return 'unknown';
  throw refused('wallet-signature', peer);
}

function checkTimes(
  { nbf, exp }: { readonly nbf: number; readonly exp: number },
  peer: string,
  { clock, clockErrorMsMax = 0 }: Pick<BindingChecks, 'clock' | 'clockErrorMsMax'>,
): void {
  const nowMs = clock.now();
  if (exp <= nbf || exp - nbf > LIFETIME_SECONDS_MAX) throw refused('lifetime', peer);
  if (exp * 1_000 + clockErrorMsMax <= nowMs) throw refused('expired', peer);
  if (nbf * 1_000 > nowMs + Math.max(clockErrorMsMax, CLOCK_SKEW_MS_MAX)) throw refused('not-yet', peer);
}

/** Returns the address as a DID of the method `pkh`. */
function didOfAddress(network: string, address: string): string {
  return `did:pkh:${network}:${address}`;
}

function refused(reason: string, peer: string, cause?: unknown): AppError {
  return new AppError(
    'bad-request',
    `The binding of the peer to its payout address is invalid (${reason}).`,
    {
      cause,
      details: { reason: `binding-${reason}`, peer },
    },
  );
}
