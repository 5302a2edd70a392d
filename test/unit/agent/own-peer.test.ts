/**
 * Verifies: a provider concludes a job that this machine buys from itself, although the requester stops reading after
 * the receipt.
 * Setup: an app whose response is a generator's event stream; a reader that takes the last chunk and not the end.
 * Fails if: the generator is left waiting, so that the job stays among the active ones and a hand-back never ends.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withOwnPeer } from '../../../main/agent/own-peer.ts';
import { eventStream } from '../../../main/core/sse/index.ts';
import type { Network } from '../../../main/ports/network.ts';
import { manualClock } from '../../fakes/clock.ts';

const OWN = 'own-peer';

test('the response’s generator ends when its last chunk was read', async () => {
  const concluded = Promise.withResolvers<void>();
  async function* answer(): AsyncGenerator<string, void> {
    try {
      yield 'answer\n\n';
      yield 'receipt\n\n';
    } finally {
      concluded.resolve();
    }
  }
  const asked: (string | null)[] = [];
  const app = {
    fetch(request: Request) {
      asked.push(request.headers.get('x-peer-id'));
      const options = { clock: manualClock(0), stallMs: 1_000, onGone: () => undefined };
      return new Response(eventStream(answer(), options), { status: 201 });
    },
  };
  const key = { peer: OWN } as Network['key'];
  const network = { key, peers: () => [], addresses: () => [] } as Partial<Network> as Network;
  const response = await withOwnPeer(network, app).fetch(OWN, '/path', { method: 'POST' });
  assert.deepEqual([response.status, asked], [201, [OWN]]);
  const reader = response.body?.getReader();
  const texts: string[] = [];
  while (texts.length < 2) texts.push(new TextDecoder().decode((await reader?.read())?.value));
  assert.deepEqual(texts, ['answer\n\n', 'receipt\n\n']);
  await concluded.promise;
});
