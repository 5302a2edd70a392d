/** Connects a command to the API of the agent that runs on a data folder, in the role of its owner's terminal. */

import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/websocket';
import type { ContractRouterClient } from '@orpc/contract';
import { WebSocket } from 'ws';
import type { Contract } from '../../shared/api/contract.ts';
import { decodeApiError } from '../../shared/api/errors.ts';
import type { AgentState } from '../../shared/api/state.ts';
import { firstState } from '../../shared/api/state-updates.ts';
import { AppError } from '../../shared/errors.ts';
import { API_SOCKET_PATH, socketProtocols } from '../../shared/wire.ts';
import { readTerminalAccess } from '../agent/terminal-access.ts';
import { PROGRAM } from '../ports/program.ts';

export type AgentApi = ContractRouterClient<Contract>;

/** Runs `use` with the API; expected failures of the agent keep their code. Fails with `not-found` if none runs. */
export async function withRunningAgent<T>(home: string, use: (api: AgentApi) => Promise<T>): Promise<T> {
  const access = readTerminalAccess(home);
  if (access === null) throw notRunning(home);
  const { host } = new URL(access.url);
  const socket = new WebSocket(`ws://${host}${API_SOCKET_PATH}`, socketProtocols(access.token), {
    origin: `http://${host}`,
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', () => reject(notRunning(home)));
  });
  try {
    // The link's type is a browser's WebSocket; ws has the part of it that the link uses.
    const link = new RPCLink({ websocket: socket as unknown as globalThis.WebSocket });
    return await use(createORPCClient(link));
  } catch (error) {
    throw toAppError(error);
  } finally {
    socket.close();
  }
}

/** Returns the agent's whole state. */
export async function readState(api: AgentApi): Promise<AgentState> {
  return firstState(await api.state.watch(undefined));
}

function notRunning(home: string): AppError {
  return new AppError(
    'not-found',
    `No agent that accepts commands is running on ${home}. Start it with \`${PROGRAM.start} --headless --home ${home}\`.`,
    { details: { home } },
  );
}

function toAppError(error: unknown): unknown {
  const failure = decodeApiError(error);
  if (failure === null || !failure.isForPeople) return error;
  // An unexpected failure of the agent is not a bug of this command; its sentence names the incident.
  return new AppError(failure.code ?? 'aborted', failure.message);
}
