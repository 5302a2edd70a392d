/** Fuzzing of what the service for signed requests reads before and after it verifies a signature. */
import fc from 'fast-check';
import { Hono } from 'hono';
import { hotkeys } from '../../main/adapters/bittensor/index.ts';
import { createHotkeyAccess } from '../../main/core/bittensor/index.ts';
import { BTAUTH_HEADERS, CHAT_PATH, SYNAPSE_HEADERS, SYNAPSE_NAME } from '../../shared/wire.ts';
import { manualClock } from '../../test/fakes/clock.ts';
import { oddJsonText, oddText } from './inputs.ts';
import { type Target, target } from './target.ts';

const SEED = '11'.repeat(32);
const OWN = hotkeys.open(SEED);
const NOW_MS = 1_790_000_000_000;
const NONCE = `${NOW_MS}000001`;
/** Headers of a valid request, except for the signature. */
const VALID: Readonly<Record<string, string>> = {
  [BTAUTH_HEADERS.version]: '1',
  [BTAUTH_HEADERS.sender]: OWN.address,
  [BTAUTH_HEADERS.receiver]: OWN.address,
  [BTAUTH_HEADERS.nonce]: NONCE,
  [BTAUTH_HEADERS.signature]: `0x${'8f'.repeat(64)}`,
  [SYNAPSE_HEADERS.sender]: OWN.address,
  [SYNAPSE_HEADERS.receiver]: OWN.address,
  [SYNAPSE_HEADERS.nonce]: NONCE,
  [SYNAPSE_HEADERS.uuid]: '5ecbd69c',
  [SYNAPSE_HEADERS.signature]: '8f'.repeat(64),
};

async function askAccess(
  path: string,
  changed: readonly (readonly [string, string])[],
  body: string,
): Promise<void> {
  let reached = 0;
  const service = new Hono().all('*', () => {
    reached += 1;
    return new Response();
  });
  const access = createHotkeyAccess({
    provider: {
      app: service,
    },
    ...{ own: OWN, hotkeys, clock: manualClock(NOW_MS) },
    isAllowed: () => true,
    onUnexpected(error) {
      throw error;
    },
    onStranger: () => undefined,
  });
  const headers = new Headers(VALID);
  for (const [name, value] of changed) {
    // A server never passes on what no header may hold.
    if (/^[\x20-\x7e]*$/.test(value)) headers.set(name, value);
  }
  const request = new Request(`http://access.test${path}`, { method: 'POST', headers, body });
  const { status } = await access.fetch(request, { address: '192.0.2.1' });
  if (reached > 0 || ![400, 401, 429].includes(status)) throw new Error(`answered with ${status}`);
}

const changes = fc.array(fc.tuple(fc.constantFrom(...Object.keys(VALID)), oddText(Object.values(VALID))), {
  maxLength: 2,
});

export const HOTKEY_TARGETS: readonly Target[] = [
  target(
    { name: 'signed requests', share: 0.2 },
    fc.tuple(fc.constantFrom(CHAT_PATH, `/${SYNAPSE_NAME}`), changes, oddJsonText([{ request: '{}' }])),
    ([path, changed, body]) => askAccess(path, changed, body),
  ),
];
