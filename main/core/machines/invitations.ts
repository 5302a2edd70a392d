/** Lets one machine join with a code that this one shows: once, within minutes, and after a few wrong tries not at all. */
import { Hono } from 'hono';
import { AppError } from '../../../shared/errors.ts';
import {
  type MachineRole,
  PAIRING_MINUTES,
  type PairingAnswer,
  pairingRequestSchema,
  plainMachineName,
} from '../../../shared/machines.ts';
import { PAIRING_PATH } from '../../../shared/wire.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import { isProof, newCode, pairingKey, proofOf } from './pairing-code.ts';
import { readMessage } from './read-message.ts';

/** A connection on which strangers find this machine while a code is open. */
export interface PairingHost {
  /** New for each code. */
  readonly peer: string;
  close(): Promise<void>;
}

export interface InvitationParts {
  readonly clock: Pick<Clock, 'after' | 'now' | 'monotonic'>;
  readonly log: Log;
  readonly words: readonly string[];
  /** Opens the network on which `app` answers; the header `x-peer-id` is the other side's. */
  readonly host: (app: Hono) => Promise<PairingHost>;
  /** Adds the machine, and returns what it needs. Called once for each code. */
  readonly admit: (machine: {
    readonly peer: string;
    readonly name: string;
    readonly role: MachineRole;
  }) => Promise<Omit<PairingAnswer, 'proof'>>;
}

export interface Invitations {
  /** Opens a code for one machine; an earlier one is void. */
  open(role: MachineRole): Promise<{ readonly code: string; readonly expiresAtMs: number }>;
  /** Makes the open code void. */
  close(): Promise<void>;
}

/** Wrong proofs after which a code is void: one guess in 2^66 is right. */
const TRIES_MAX = 5;
const CODE_MS = PAIRING_MINUTES * 60_000;
const REQUEST_CHARACTERS_MAX = 2_000;

interface OpenCode {
  readonly key: Buffer;
  readonly host: PairingHost;
  readonly role: MachineRole;
  /** On the monotonic clock: a clock that is set back must not keep a code open. */
  readonly endsAtMs: number;
  readonly timer: Timer;
  triesLeft: number;
}

/** See {@link Invitations}. */
export function createInvitations(parts: InvitationParts): Invitations {
  const { clock, log, words } = parts;
  let current: OpenCode | null = null;

  async function close(): Promise<void> {
    const closed = current;
    current = null;
    closed?.timer.cancel();
    await closed?.host.close();
  }

  /** The connection answers the request first. */
  function closeLater(): void {
    const closed = current;
    current = null;
    if (closed === null) return;
    closed.timer.cancel();
    clock.after(CLOSE_AFTER_MS, () => void closed.host.close());
  }

  async function answer(peer: string, request: Request): Promise<PairingAnswer> {
    const asked = await readMessage(pairingRequestSchema, request, REQUEST_CHARACTERS_MAX);
    if (asked === null) throw new AppError('bad-request', 'The request to join is malformed.');
    const open = current;
    if (open === null || clock.monotonic() >= open.endsAtMs) {
      throw new AppError('not-found', 'No code is open on this machine.');
    }
    const { name, nonce } = asked;
    const facts = { inviter: open.host.peer, joiner: peer, name, nonce };
    if (!isProof(asked.proof, proofOf(open.key, 'joiner', facts))) {
      open.triesLeft -= 1;
      log.warn('A machine was not added: the code was wrong', { triesLeft: open.triesLeft });
      if (open.triesLeft <= 0) closeLater();
      throw new AppError('not-permitted', 'The code is wrong.');
    }
    // Before anything is awaited: the code works once.
    closeLater();
    const admitted = await parts.admit({ peer, name: plainMachineName(name), role: open.role });
    return { ...admitted, proof: proofOf(open.key, 'inviter', facts) };
  }

  const app = new Hono();
  app.post(PAIRING_PATH, async (context) =>
    context.json(await answer(context.req.header('x-peer-id') ?? '', context.req.raw)),
  );
  app.onError((error, context) => {
    const code = error instanceof AppError ? error.code : 'aborted';
    if (code === 'aborted') log.error('A request to join failed', error);
    return context.json({ error: code }, STATUS[code] ?? 500);
  });

  async function openCode(role: MachineRole) {
    await close();
    const code = newCode(words);
    const host = await parts.host(app);
    const timer = clock.after(CODE_MS, () => void close());
    current = {
      ...{ host, role, timer, triesLeft: TRIES_MAX },
      key: await pairingKey(code, host.peer),
      endsAtMs: clock.monotonic() + CODE_MS,
    };
    log.info('A code for adding a machine is open', { minutes: PAIRING_MINUTES, role });
    return { code, expiresAtMs: clock.now() + CODE_MS };
  }

  /** One after the other: each code opens a network, and a close ends one that is still opening. */
  let last: Promise<unknown> = Promise.resolve();
  function inTurn<Result>(run: () => Promise<Result>): Promise<Result> {
    const done = last.then(run);
    last = done.catch(() => undefined);
    return done;
  }
  return {
    open: (role) => inTurn(() => openCode(role)),
    close: () => inTurn(close),
  };
}

const CLOSE_AFTER_MS = 2_000;
const STATUS: Readonly<Record<string, 400 | 403 | 404 | 409>> = {
  'bad-request': 400,
  'not-permitted': 403,
  'not-found': 404,
  busy: 409,
};
