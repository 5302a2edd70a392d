/**
 * Goal: whoever ends a job, in whatever order and however many at once, it is concluded exactly once and
 * charged for no more than was taken. Method: random scripts of an answer and its endings (property). What
 * would break: double settles, busy channels, leaked slots, charges for undelivered tokens.
 */

import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { PAYMENT_HEADER } from '../../../main/ports/payments.ts';
import { charge } from '../../../shared/price.ts';
import { CHAT_PATH } from '../../../shared/wire.ts';
import { OFFERED as CHEAP, createFakeProvider } from '../../fakes/market.ts';
import { createFakeHub } from '../../fakes/network.ts';
import { encode } from '../../fakes/payment-gate.ts';
import { createScriptedEngine } from '../../fakes/scripted-engine.ts';

const OFFERED = { ...CHEAP, price: { inputPerMillion: '2000000', outputPerMillion: '7000000' } };
const INPUT_TOKENS = 10;
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

type Body = ReadableStreamDefaultReader<Uint8Array>;

const step = fc.constantFrom('token', 'take', 'turn');
const ending = fc.constantFrom('end', 'fail', 'requester-leaves', 'owner-returns');

it('every job is concluded once, whoever ends it (property)', async () => {
  const network = await createFakeHub().createNetwork();
  const engine = createScriptedEngine();
  const provider = createFakeProvider(network, { engine, models: [OFFERED] });

  await fc.assert(
    fc.asyncProperty(
      fc.boolean(),
      fc.array(step, { maxLength: 12 }),
      fc.array(ending, { minLength: 1, maxLength: 3 }),
      fc.array(step, { maxLength: 4 }),
      async (stream, before, endings, after) => {
        const settlesBefore = provider.gate.settles.length;
        const cancelsBefore = provider.gate.cancels;
        const leaving = new AbortController();
        const answer = Promise.resolve(
          provider.service.app.fetch(
            new Request(`http://provider${CHAT_PATH}`, {
              method: 'POST',
              headers: {
                'x-peer-id': 'requester',
                [PAYMENT_HEADER]: encode({ channelId: 'one', payer: 'payer', most: '999999999' }),
              },
              body: JSON.stringify({
                model: OFFERED.id,
                messages: [{ role: 'user', content: 'Hi' }],
                max_tokens: 30,
                stream,
              }),
              signal: leaving.signal,
            }),
          ),
        );
        const run = await engine.next();
        run.start(INPUT_TOKENS);

        let sent = 0;
        let reading: Promise<unknown> | null = null;
        let left = false;
        let reader: Body | null = null;
        let taken = 0;
        const read = async (body: Body): Promise<boolean> => {
          const { value, done } = await body.read().catch(() => ({ value: undefined, done: true }));
          taken += new TextDecoder().decode(value).match(/"x"/g)?.length ?? 0;
          return !done;
        };
        const opened = answer.then((response) => {
          if (response.status === 200 && response.body) reader = response.body.getReader();
          return response;
        });
        const perform = async (what: string) => {
          if (what === 'token') {
            sent += 1;
            run.text('x', sent);
          }
          if (what === 'turn') await turn();
          if (what === 'take' && reader && !left) reading = read(reader);
        };
        for (const what of before) await perform(what);
        for (const what of endings) {
          if (what === 'end') run.end('stop');
          if (what === 'fail') run.fail('engine-failed');
          if (what === 'owner-returns') void provider.service.handBack();
          if (what === 'requester-leaves') {
            left = true;
            leaving.abort();
            const body = reader as Body | null;
            void body?.cancel().catch(() => {});
          }
        }
        for (const what of after) await perform(what);

        // The requester, if it is still there, reads to the end; a connection that went cancels the body.
        await opened;
        await reading;
        const body = reader as Body | null;
        if (left) await body?.cancel().catch(() => {});
        else while (body && (await read(body)));
        for (let turns = 0; provider.service.active().length > 0 && turns < 1_000; turns += 1) await turn();

        assert.deepEqual(provider.service.active(), []);
        assert.deepEqual([...provider.gate.busy], []);
        assert.deepEqual(provider.faults, []);
        const settled = provider.gate.settles.length - settlesBefore;
        const cancelled = provider.gate.cancels - cancelsBefore;
        assert.equal(settled + cancelled, 1, 'settled or cancelled, exactly once');
        const job = provider.jobs.all().at(-1) ?? assert.fail();
        assert.ok(['charged', 'failed', 'aborted'].includes(job.state), job.state);
        assert.ok(job.endedAtMs !== null);
        const output = job.outputTokens ?? 0;
        assert.ok(output <= (stream ? taken : sent), 'charged for what was not taken');
        if (settled === 1) {
          assert.equal(job.charged, charge(OFFERED.price, { input: INPUT_TOKENS, output }).toString());
          assert.ok(job.receipt);
        } else {
          assert.deepEqual([job.charged, job.receipt], [null, null]);
          assert.equal(output, 0);
        }
      },
    ),
    { numRuns: 300 },
  );
});
