/**
 * For tests: the official facilitator class behind an HTTP server on loopback, which can also fail or report false
 * results.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FacilitatorClient } from '@x402/core/server';

export interface LoopbackFacilitator {
  readonly url: string;
  /** Types of the payloads that it received to settle. */
  readonly received: string[];
  mode: 'honest' | 'down' | 'refusing' | 'lying' | 'late';
  /** Settles what it received in mode `late`, which it doesn't answer. */
  settleLate(): Promise<void>;
  close(): Promise<void>;
}

/**
 * `official` is the official class with its own key. In mode `lying`, reports success with `otherHash`, the hash of
 * another transaction.
 */
export async function startFacilitator(
  official: FacilitatorClient,
  otherHash: string,
): Promise<LoopbackFacilitator> {
  const late: (() => Promise<unknown>)[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      void (async () => {
        if (facilitator.mode === 'down') return void response.destroy();
        const { paymentPayload, paymentRequirements } = JSON.parse(Buffer.concat(chunks).toString('utf8'));
        facilitator.received.push(paymentPayload.payload.type);
        const { network } = paymentRequirements;
        if (facilitator.mode === 'late') {
          late.push(() => official.settle(paymentPayload, paymentRequirements));
          return;
        }
        const answer =
          facilitator.mode === 'refusing'
            ? { success: false, errorReason: 'not_today', transaction: '', network }
            : facilitator.mode === 'lying'
              ? { success: true, transaction: otherHash, network }
              : await official.settle(paymentPayload, paymentRequirements);
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify(answer));
      })().catch(() => response.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const facilitator: LoopbackFacilitator = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: [],
    mode: 'honest',
    async settleLate() {
      for (const settle of late.splice(0)) await settle();
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return facilitator;
}
