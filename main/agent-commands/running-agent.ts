/** The API of the agent that runs on a home, in the role of its owner's terminal. */
import { createORPCClient, ORPCError } from '@orpc/client';
import { RPCLink } from '@orpc/client/websocket';
import type { ContractRouterClient } from '@orpc/contract';
import { WebSocket } from 'ws';
import { z } from 'zod';
import type { Contract } from '../../shared/api/contract.ts';
import { AppError, ERROR_CODES } from '../../shared/errors.ts';
import { API_SOCKET_PATH, socketProtocols } from '../../shared/wire.ts';
import { readTerminalAccess } from '../agent/terminal-access.ts';

export type AgentApi = ContractRouterClient<Contract>;

const dataSchema = z.object({ code: z.enum(ERROR_CODES) });

/** Runs `use` with the API; failures of the agent keep their code. Fails with `not-found` where no agent runs. */
export async function withRunningAgent<T>(home: string, use: (api: AgentApi) => Promise<T>): Promise<T> {
  const door = readTerminalAccess(home);
  if (door === null) throw notRunning(home);
  const { host } = new URL(door.url);
  const socket = new WebSocket(`ws://${host}${API_SOCKET_PATH}`, socketProtocols(door.token), {
    origin: `http://${host}`,
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', () => reject(notRunning(home)));
  });
  try {
    // The link wants a browser's WebSocket; ws has the part of it that the link uses.
    const link = new RPCLink({ websocket: socket as unknown as globalThis.WebSocket });
    return await use(createORPCClient(link));
  } catch (error) {
    throw toAppError(error);
  } finally {
    socket.close();
  }
}

function notRunning(home: string): AppError {
  return new AppError(
    'not-found',
    `No agent with a terminal runs on ${home}. Start it with: npm start -- --headless --home ${home}`,
    { details: { home } },
  );
}

function toAppError(error: unknown): unknown {
  if (!(error instanceof ORPCError)) return error;
  const data = dataSchema.safeParse(error.data);
  return data.success ? new AppError(data.data.code, error.message) : error;
}
