/** Joins a private network: asks the machines that invite on this LAN, each with a proof that only the right one can check. */
import { randomBytes } from 'node:crypto';
import { AppError, isAppError } from '../../../shared/errors.ts';
import { LISTS_CHARACTERS_MAX, pairingAnswerSchema, plainMachineName } from '../../../shared/machines.ts';
import { PAIRING_PATH } from '../../../shared/wire.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Network, VerifySigned } from '../../ports/network.ts';
import { type MembershipRecord, readHeld } from './list-book.ts';
import { isProof, pairingKey, proofOf, readCode } from './pairing-code.ts';
import { readMessage } from './read-message.ts';

export interface JoinParts {
  /** Finds the machines on this LAN that invite. */
  readonly network: Pick<Network, 'fetch' | 'key' | 'onPeers' | 'peers'>;
  readonly words: readonly string[];
  readonly verifySigned: VerifySigned;
  readonly clock: Pick<Clock, 'after'>;
  /** Name of this machine in the network. */
  readonly name: string;
  /** Ends the search. */
  readonly signal: AbortSignal;
}

/** Machines to query; each costs one scrypt. */
const ASKED_MAX = 16;
const ANSWER_CHARACTERS_MAX = LISTS_CHARACTERS_MAX + 1_000;
const ANSWER_MS_MAX = 15_000;
/** After a refusal, time in which another machine may turn out to be the right one. */
const REFUSED_MS = 5_000;

/**
 * Resolves with what this machine has to keep. Fails with `bad-request` for a code that can't be one, `not-permitted` if
 * the machines found refused it, and `not-found` if none was found in time.
 */
export async function joinNetwork(parts: JoinParts, codeText: string): Promise<MembershipRecord> {
  const code = readCode(codeText, parts.words);
  const { network, clock } = parts;
  const search = new AbortController();
  const signal = AbortSignal.any([parts.signal, search.signal]);
  const asked = new Set<string>();
  let refused = 0;
  for (;;) {
    const next = network.peers().find(({ peer, connected }) => connected && !asked.has(peer))?.peer;
    if (next !== undefined && asked.size < ASKED_MAX) {
      asked.add(next);
      try {
        return await ask(parts, code, next);
      } catch (error) {
        if (!isAppError(error)) throw error;
        refused += 1;
        if (refused === 1) clock.after(REFUSED_MS, () => search.abort());
      }
    } else if (signal.aborted) {
      throw refused > 0 ? wrongCode(refused) : notFound();
    } else {
      await nextChange(network, signal);
    }
  }
}

/** Resolves at the next change of the peers, or when the search ends. */
function nextChange(network: JoinParts['network'], signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      unsubscribe();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const unsubscribe = network.onPeers(done);
    signal.addEventListener('abort', done, { once: true });
  });
}

async function ask(parts: JoinParts, code: string, inviter: string): Promise<MembershipRecord> {
  const { network, verifySigned } = parts;
  const key = await pairingKey(code, inviter);
  const name = plainMachineName(parts.name);
  const facts = { inviter, joiner: network.key.peer, name, nonce: randomBytes(32).toString('hex') };
  const response = await network.fetch(inviter, PAIRING_PATH, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, nonce: facts.nonce, proof: proofOf(key, 'joiner', facts) }),
    signal: AbortSignal.any([parts.signal, AbortSignal.timeout(ANSWER_MS_MAX)]),
  });
  const answer = await readMessage(pairingAnswerSchema, response, ANSWER_CHARACTERS_MAX);
  // Before anything of it is used: a stranger could otherwise take this machine into a network of its own.
  if (response.status !== 200 || answer === null || !isProof(answer.proof, proofOf(key, 'inviter', facts)))
    throw wrongCode(1);
  const { proof: _, ...record } = answer;
  const own = network.key.peer;
  const { machines } = (await readHeld(answer, own, verifySigned)).current;
  if (!machines.some(({ peer }) => peer === own)) throw wrongCode(1);
  return record;
}

function wrongCode(machines: number): AppError {
  return new AppError(
    'not-permitted',
    `The code was refused by the ${machines} machine${machines === 1 ? '' : 's'} found. Nothing was changed. Show a new code there.`,
  );
}

function notFound(): AppError {
  return new AppError(
    'not-found',
    'No machine with an open code was found in this network. Nothing was changed. Both machines must be in the same LAN, and its multicast must not be filtered.',
  );
}
