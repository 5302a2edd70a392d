/**
 * For tests: a facilitator on loopback, made of the official class, which also lists what its payers were offered (Bazaar), and
 * which can fail or report false results.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FacilitatorClient } from '@x402/core/server';
import type { PaymentPayload, PaymentRequirements } from '@x402/core/types';
import { type DiscoveryResource, extractDiscoveryInfo } from '@x402/extensions/bazaar';

export interface LoopbackFacilitator {
  readonly url: string;
  /** Types of the payloads that it received to settle. */
  readonly received: string[];
  mode: 'honest' | 'down' | 'refusing' | 'lying' | 'late';
  /** Settles what it received in mode `late`, which it doesn't answer. */
  settleLate(): Promise<void>;
  close(): Promise<void>;
}

const LISTED_MAX = 100;

/**
 * `official` is the official class with its own key. In mode `lying`, reports success with `otherHash`, the hash of
 * another transaction.
 */
export async function startFacilitator(
  official: FacilitatorClient,
  otherHash: string,
): Promise<LoopbackFacilitator> {
  const late: (() => Promise<unknown>)[] = [];
  const catalog = createCatalog();

  async function settle(payload: PaymentPayload, requirements: PaymentRequirements): Promise<unknown> {
    facilitator.received.push(String(payload.payload.type));
    const { network } = requirements;
    switch (facilitator.mode) {
      case 'late':
        late.push(() => official.settle(payload, requirements));
        return new Promise(() => undefined);
      case 'refusing':
        return { success: false, errorReason: 'not_today', transaction: '', network };
      case 'lying':
        return { success: true, transaction: otherHash, network };
      default: {
        const settled = await official.settle(payload, requirements);
        if (settled.success) catalog.add(payload, requirements);
        return settled;
      }
    }
  }

  async function answer(path: string, query: URLSearchParams, body: string): Promise<unknown> {
    if (path === '/supported') return official.getSupported();
    if (path === '/discovery/resources') return catalog.list(query);
    if (path === '/discovery/search') return catalog.search(query);
    const { paymentPayload, paymentRequirements } = JSON.parse(body);
    if (path === '/verify') return official.verify(paymentPayload, paymentRequirements);
    if (path === '/settle') return settle(paymentPayload, paymentRequirements);
    throw new Error(`unexpected path ${path}`);
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (facilitator.mode === 'down') return void response.destroy();
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://facilitator');
      answer(pathname, searchParams, Buffer.concat(chunks).toString('utf8')).then(
        (content) => {
          response.setHeader('content-type', 'application/json');
          response.end(JSON.stringify(content));
        },
        () => response.destroy(),
      );
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

/** Lists the services that were paid through the facilitator, as Bazaar's client reads them. */
function createCatalog() {
  const items = new Map<string, DiscoveryResource>();
  return {
    add(payload: PaymentPayload, requirements: PaymentRequirements): void {
      const found = extractDiscoveryInfo(payload, requirements);
      if (found === null || !('resourceUrl' in found) || items.size >= LISTED_MAX) return;
      const { resourceUrl, discoveryInfo, x402Version, description, extensions } = found;
      items.set(resourceUrl, {
        ...{ resource: resourceUrl, x402Version },
        ...(description !== undefined && { description }),
        ...(extensions !== undefined && { extensions }),
        type: discoveryInfo.input.type,
        accepts: [requirements],
        lastUpdated: new Date().toISOString(),
      });
    },
    list(query: URLSearchParams) {
      const [limit, offset] = [Number(query.get('limit') ?? LISTED_MAX), Number(query.get('offset') ?? 0)];
      const all = [...items.values()].filter((item) => isWanted(item, query));
      const pagination = { limit, offset, total: all.length };
      return { x402Version: 2, items: all.slice(offset, offset + limit), pagination };
    },
    search(query: URLSearchParams) {
      const words = (query.get('query') ?? '').toLowerCase();
      const resources = [...items.values()].filter(
        (item) => isWanted(item, query) && JSON.stringify(item).toLowerCase().includes(words),
      );
      return { x402Version: 2, resources, pagination: null };
    },
  };
}

function isWanted({ type, accepts }: DiscoveryResource, query: URLSearchParams): boolean {
  const isSame = (name: string, value: string) => (query.get(name) ?? value) === value;
  return (
    isSame('type', type) &&
    accepts.some(
      ({ payTo, scheme, network }) =>
        isSame('payTo', payTo) && isSame('scheme', scheme) && isSame('network', network),
    )
  );
}
