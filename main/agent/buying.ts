/** What is bought: the purse, the offers of peers, and the OpenAI-compatible gateway on loopback. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Amount, amount } from '../../shared/money.ts';
import { signedBy } from '../adapters/ethers/index.ts';
import { closeHttp, createHttpServer, listenHttp } from '../adapters/http/index.ts';
import { verifySigned } from '../adapters/libp2p/index.ts';
import { createPayer } from '../adapters/x402/index.ts';
import { createGateway } from '../core/gateway/index.ts';
import { readOffer } from '../core/identity/index.ts';
import { createDirectory, type Directory } from '../core/network/index.ts';
import type { Network } from '../ports/network.ts';
import type { PaymentClient } from '../ports/payments.ts';
import type { Surroundings } from './config.ts';
import { createDepositBooks } from './deposit-recorder.ts';
import type { Foundation } from './foundation.ts';
import type { Money } from './money.ts';

export interface GatewayAddress {
  readonly baseUrl: string;
  readonly key: string;
}

/** Requests to one provider at once; each needs a funded channel of its own. */
const CHANNELS_MAX = 8;
/** Deposits grow to this many times the usual one when a request needs it. */
const DEPOSIT_FACTOR_MAX = 10n;
const STOP_GRACE_MS = 1_000;

/** Fails with `port-in-use`. */
export async function openBuying(
  surroundings: Surroundings,
  { paths, database, records, ledger, jobs }: Foundation,
  { chain, accounts, node }: Money,
  network: Network,
): Promise<{ readonly gateway: GatewayAddress; readonly directory: Directory }> {
  const { config, terms, clock, onClose, changed, fault } = surroundings;
  const assetId = chain.token.id;
  const deposits = createDepositBooks({
    ledger,
    store: database.ledger,
    assetId,
    onChain: () => payer.deposits(),
    clock,
    changed: () => changed('money', 'wallet'),
  });
  onClose(() => deposits.stop());
  const payer: PaymentClient = createPayer({
    network: chain,
    funds: accounts.funds,
    session: accounts.session,
    chain: node,
    store: records,
    clock,
    deposit: amount(terms.deposit),
    depositMax: amount(terms.deposit * DEPOSIT_FACTOR_MAX),
    channelsMax: CHANNELS_MAX,
    onDeposit: (deposit) => deposits.deposited(deposit),
    onDepositUnknown: () => deposits.watch(),
    onCharged: ({ channelId, total }) => bookTotal(channelId, total),
  });
  // An earlier run may have ended between a deposit and its booking.
  deposits.watch();
  /** What a channel was charged in all; an answer that was lost on the way was charged all the same. */
  function bookTotal(channelId: string, total: Amount): void {
    // A provider that forgot a charge asks for less: what was booked stays booked.
    if (total < ledger.bookedOnChannel('bought', channelId)) return;
    ledger.recoverCharges({ side: 'bought', channelId, assetId, total });
    changed('money');
  }
  // An earlier run may have ended between a payment and its booking, or before it heard what it was charged.
  for (const { channelId, total } of payer.charges()) bookTotal(channelId, total);
  const askProviders = () => {
    for (const peer of payer.unresolved()) {
      if (!network.peers().some((known) => known.peer === peer && known.connected)) continue;
      const provider = { peer, fetch: (path: string, init: RequestInit) => network.fetch(peer, path, init) };
      payer.synchronise(provider).catch(fault);
    }
  };
  onClose(network.onPeers(askProviders));
  const directory = createDirectory({
    network,
    clock,
    readOffer: (jws, peer) =>
      readOffer(jws, peer, {
        verifySigned,
        verifyPayout: async (text, proof, address) => signedBy(address, text, proof),
        clock,
      }),
  });
  directory.start();
  onClose(() => directory.stop());

  const key = gatewayKey(join(paths.keys, 'gateway-key'));
  const gateway = createGateway({
    network,
    directory,
    payer,
    verifySigned,
    clock,
    jobs,
    key,
    accepts: (offer) => offer.networks.includes(chain.id) && offer.asset.id === assetId,
    onBought: ({ channelId, cumulative }) => {
      if (channelId !== null && cumulative !== null) bookTotal(channelId, amount(cumulative));
    },
    onUnexpected: (error) => {
      fault(error);
      return null;
    },
  });
  const server = createHttpServer(gateway.app);
  const port = await listenHttp(server, {
    host: '127.0.0.1',
    port: config.gatewayPort,
    option: '--gateway-port',
  });
  // The last one runs first: nothing new comes in, and then what was bought is booked.
  onClose(() => Promise.race([gateway.idle().then(() => payer.idle()), sleep(STOP_GRACE_MS)]));
  onClose(() => closeHttp(server));
  return { gateway: { baseUrl: `http://127.0.0.1:${port}/v1`, key }, directory };
}

/** What clients of the gateway send as their API key: made once, readable by the owner alone. */
function gatewayKey(path: string): string {
  if (!existsSync(path)) writeFileSync(path, `iw-${randomBytes(24).toString('hex')}\n`, { mode: 0o600 });
  return readFileSync(path, 'utf8').trim();
}
