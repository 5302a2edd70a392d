/** For tests: requests to a storefront, plain ones and those of x402's own `fetch`, which pays with one scheme. */
import { BatchSettlementEvmScheme } from '@x402/evm/batch-settlement/client';
import { ExactEvmScheme } from '@x402/evm/exact/client';
import { UptoEvmScheme } from '@x402/evm/upto/client';
import { wrapFetchWithPayment, x402Client } from '@x402/fetch';
import type { WalletAccounts } from '../../main/ports/wallet.ts';
import { CHAT_PATH } from '../../shared/wire.ts';
import { MODEL, type StorefrontMarket } from './storefront-market.ts';

export type SaleScheme = 'exact' | 'upto' | 'batch-settlement';
type NetworkId = `${string}:${string}`;

export const REQUEST = {
  model: MODEL,
  messages: [{ role: 'user', content: 'Why is the sky blue?' }],
  max_tokens: 20,
};

/** A storefront over HTTP. */
export type Shop = Pick<StorefrontMarket, 'url'>;

export const post = (
  { url }: Shop,
  headers: Record<string, string> = {},
  body: object = REQUEST,
  signal?: AbortSignal,
) =>
  fetch(url + CHAT_PATH, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });

/** Status and code of a refusal. */
export const codeOf = async (response: Response) => [response.status, (await response.json()).error.code];

export function paying(shop: StorefrontMarket, { funds, session }: WalletAccounts, scheme: SaleScheme) {
  const { id, token } = shop.chain.network;
  const network = id as NetworkId;
  const signer = {
    address: funds.address,
    signTypedData: (data: Parameters<typeof funds.signTypedData>[0]) => funds.signTypedData(data),
    readContract: (call: Parameters<typeof shop.node.readContract>[0]) => shop.node.readContract(call),
  };
  const voucherSigner = {
    address: session.address,
    signTypedData: (data: Parameters<typeof session.signTypedData>[0]) => session.signTypedData(data),
  };
  const batch = new BatchSettlementEvmScheme(signer, { voucherSigner });
  const schemes = {
    exact: new ExactEvmScheme(signer),
    upto: new UptoEvmScheme(signer),
    'batch-settlement': batch,
  };
  const client = new x402Client()
    .register(network, schemes[scheme])
    .setSpendControls({ allowedAssets: [{ network, asset: token.address }] });
  const pay = wrapFetchWithPayment(fetch, client);
  const ask = (more: object = {}, headers: Record<string, string> = {}) =>
    pay(shop.url + CHAT_PATH, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ ...REQUEST, ...more }),
    });
  return { ask, client, refund: () => batch.refund(shop.url + CHAT_PATH) };
}
