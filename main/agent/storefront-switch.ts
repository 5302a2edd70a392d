/** Opens and closes the storefront while the agent runs, as the owner's settings say, or once by the role of the command line. */
import { isDeepStrictEqual } from 'node:util';
import { AppError, isAppError } from '../../shared/errors.ts';
import type { AgentReady } from '../../shared/host.ts';
import { createInOrder } from '../../shared/in-order.ts';
import type { Settings } from '../../shared/settings.ts';
import type { StorefrontState } from '../../shared/storefront.ts';
import { type Closers, createClosers } from './closers.ts';
import type { WebConfig } from './config.ts';
import type { OpenStorefront, StorefrontParts, Takings } from './storefront.ts';
import type { Surroundings } from './surroundings.ts';

export interface StorefrontSwitch {
  ready(): Pick<AgentReady, 'storefront' | 'metrics'>;
  state(): StorefrontState;
  /** Null while it is closed. */
  opened(): OpenStorefront | null;
}

const LOOPBACK = '127.0.0.1';
const NOTHING_NAMED: WebConfig = {
  listen: null,
  publicUrl: null,
  proxies: [],
  certFile: null,
  keyFile: null,
};

/** Fails with `bad-request` or `port-in-use` where the command line asks for a storefront that can't be opened. */
export async function openStorefrontSwitch(
  surroundings: Surroundings,
  parts: StorefrontParts,
): Promise<StorefrontSwitch> {
  const { config, terms, serves, onClose, log } = surroundings;
  const { settings } = parts.foundation;
  const isFixed = config.role === 'storefront';
  if (isFixed && !terms.isPaid)
    throw new AppError('bad-request', '--role storefront requires --profile open or practice.');
  const turning = createTurning(surroundings, parts);
  const report = (error: unknown) => {
    const own = log.child('storefront');
    if (isAppError(error)) own.warn('The storefront could not be opened', { cause: error.message });
    else own.error('The storefront could not be opened', error);
  };
  onClose(() => turning.turn(null));
  if (isFixed) await turning.turn(config.web ?? NOTHING_NAMED);
  else if (serves && terms.isPaid) {
    const follow = () => turning.turn(chosenWeb(settings.get())).catch(report);
    await follow();
    onClose(settings.onChange(() => void follow()));
  }
  return {
    ready: () => turning.opened()?.ready ?? {},
    opened: turning.opened,
    state: () => ({
      state: serves && terms.isPaid ? turning.state() : 'unavailable',
      address: turning.opened()?.ready.storefront ?? null,
      publicUrl: turning.opened()?.publicUrl ?? null,
      certificate: turning.opened()?.certificate() ?? null,
      isFixed,
    }),
  };
}

/** Null while the owner has it turned off. */
function chosenWeb({ storefrontOn, storefrontUrl, storefrontPort }: Settings): WebConfig | null {
  if (!storefrontOn) return null;
  return {
    ...NOTHING_NAMED,
    listen: `${LOOPBACK}:${storefrontPort}`,
    publicUrl: storefrontUrl,
    // Strangers reach this port through the owner's proxy on this machine only: without it, all of them would be one.
    proxies: [LOOPBACK],
  };
}

interface Turning {
  /** Opens it in this way, or closes it if null. Fails if it can't be opened; the state then names the reason. */
  turn(web: WebConfig | null): Promise<void>;
  state(): Exclude<StorefrontState['state'], 'unavailable'>;
  opened(): OpenStorefront | null;
}

function createTurning(surroundings: Surroundings, parts: StorefrontParts): Turning {
  const inOrder = createInOrder();
  let takings: Takings | null = null;
  let now: { readonly open: OpenStorefront; readonly closers: Closers } | null = null;
  let wanted: WebConfig | null = null;
  let state: ReturnType<Turning['state']> = 'off';

  async function close(): Promise<void> {
    const closing = now;
    now = null;
    state = 'off';
    await closing?.closers.closeAll();
  }

  async function open(web: WebConfig): Promise<void> {
    const closers = createClosers(surroundings.log.child('storefront'));
    const own: Surroundings = { ...surroundings, onClose: closers.add };
    try {
      // Few machines have one, and its libraries cost memory.
      const { createTakings, openStorefront } = await import('./storefront.ts');
      takings ??= createTakings(surroundings, parts);
      now = { open: await openStorefront(own, { ...parts, takings }, web), closers };
      state = 'open';
    } catch (error) {
      await closers.closeAll();
      state = isAppError(error, 'port-in-use') ? 'port-in-use' : 'failed';
      throw error;
    }
  }

  async function turn(web: WebConfig | null): Promise<void> {
    if (isDeepStrictEqual(web, wanted)) return;
    wanted = web;
    try {
      await close();
      if (web !== null) await open(web);
    } finally {
      surroundings.changed('storefront');
    }
  }

  return { turn: (web) => inOrder(() => turn(web)), state: () => state, opened: () => now?.open ?? null };
}
