/**
 * The gateway's port on loopback: the same one after a restart, because other programs have it in their settings, and closed
 * while the owner has turned the gateway off.
 */
import type { Server } from 'node:http';
import { z } from 'zod';
import type { GatewayPortState } from '../../shared/api/state.ts';
import { isAppError } from '../../shared/errors.ts';
import { createInOrder } from '../../shared/in-order.ts';
import { closeHttp, createHttpServer, listenHttp, type WebHandler } from '../adapters/http/index.ts';
import { storageFaultOf } from '../ports/storage.ts';
import type { RecordStore } from '../ports/store.ts';
import type { Foundation } from './foundation.ts';
import type { Surroundings } from './surroundings.ts';

export interface GatewayPort {
  readonly baseUrl: string;
  state(): GatewayPortState;
}

const HOST = '127.0.0.1';
const OPTION = '--gateway-port';
const COLLECTION = 'gateway';
const KEY = 'port';
const portSchema = z.number().int().min(1).max(65_535);

/** Fails with `port-in-use` if the port that the command line names can't be opened. */
export async function openGatewayPort(
  { config, onClose, changed, log }: Surroundings,
  { records, settings }: Pick<Foundation, 'records' | 'settings'>,
  handler: WebHandler,
): Promise<GatewayPort> {
  const server = createHttpServer(handler);
  endConnectionsWhileClosed(server);
  const last = storedPort(records);
  const known = config.gatewayPort || last;
  // Without a known port it is opened for a moment, to have one.
  const isOpening = settings.get().gatewayOn || known === 0;
  const port = isOpening ? await openFirst(server, { named: config.gatewayPort, last, records }) : known;
  const inOrder = createInOrder();
  let isInUse = false;

  async function follow(): Promise<void> {
    const isOn = settings.get().gatewayOn;
    if (isOn === server.listening) return;
    if (!isOn) {
      // Answers in progress are finished: they are paid for.
      server.close();
      log.child('gateway').info('The gateway was turned off; its port is closed', { port });
      return;
    }
    try {
      await listenHttp(server, { host: HOST, port });
      isInUse = false;
      log.child('gateway').info('The gateway was turned on', { port });
    } catch (error) {
      if (!isAppError(error, 'port-in-use')) throw error;
      isInUse = true;
      log.child('gateway').warn('The gateway can’t be turned on', { cause: error.message });
    }
  }

  const followAndShow = async () => {
    await inOrder(follow);
    changed('network');
  };
  await inOrder(follow);
  const report = (error: unknown) => log.child('gateway').error('The gateway’s port failed', error);
  onClose(settings.onChange(() => void followAndShow().catch(report)));
  onClose(() => closeHttp(server));
  return {
    baseUrl: `http://${HOST}:${port}/v1`,
    state() {
      if (server.listening) return 'open';
      return isInUse && settings.get().gatewayOn ? 'in-use' : 'closed';
    },
  };
}

/** Opens the named port, else that of the last run, else any. Returns it, and stores which one was taken. */
async function openFirst(
  server: Server,
  { named, last, records }: { readonly named: number; readonly last: number; readonly records: RecordStore },
): Promise<number> {
  if (named !== 0) return listenHttp(server, { host: HOST, port: named, option: OPTION });
  const port = await listenHttp(server, { host: HOST, port: last }).catch((error: unknown) => {
    if (last === 0 || !isAppError(error, 'port-in-use')) throw error;
    return listenHttp(server, { host: HOST, port: 0 });
  });
  try {
    if (port !== last) records.set(COLLECTION, KEY, JSON.stringify(port));
  } catch (error) {
    // The next start takes another port; everything else works.
    if (storageFaultOf(error) === null) throw error;
  }
  return port;
}

/** 0 before the first start. */
function storedPort(records: RecordStore): number {
  const stored = records.get(COLLECTION, KEY);
  return stored === null ? 0 : portSchema.parse(JSON.parse(stored));
}

/** A connection that was busy when the port closed would stay open for further requests. */
function endConnectionsWhileClosed(server: Server): void {
  server.on('request', (_request, response) => {
    response.once('close', () => {
      // Its connection is idle only after this event.
      setImmediate(() => {
        if (!server.listening) server.closeIdleConnections();
      });
    });
  });
}
