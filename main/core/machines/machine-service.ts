/**
 * Serves the owner's other machines, by the roles of the roster: its report to all, its models to those that may use them,
 * and pauses to owners. A peer that isn't in the roster gets nothing, although it has the network's key.
 */
import { type Context, Hono } from 'hono';
import {
  LISTS_CHARACTERS_MAX,
  listsMessageSchema,
  type MachineOrder,
  type MachineReport,
  type MachineRole,
  machineOrderSchema,
} from '../../../shared/machines.ts';
import { MACHINE_PATH, ROSTER_PATH } from '../../../shared/wire.ts';
import { readMessage } from './read-message.ts';
import type { MachineRoster } from './roster.ts';

export interface MachineServiceParts {
  readonly roster: MachineRoster;
  readonly report: () => MachineReport;
  readonly obey: (order: MachineOrder) => void;
  /** Sells to peers that may use this machine. */
  readonly provider: { fetch(request: Request): Response | Promise<Response> };
}

const ORDER_CHARACTERS_MAX = 1_000;
/** Roles that may have work done. */
const USERS: readonly MachineRole[] = ['owner', 'use'];

export function createMachineService(parts: MachineServiceParts): Hono {
  const { roster, report, obey, provider } = parts;
  const app = new Hono({ strict: false });
  // The signatures are checked, so that it doesn't matter who brings them.
  app.post(ROSTER_PATH, async (context) => {
    const message = await readMessage(listsMessageSchema, context.req.raw, LISTS_CHARACTERS_MAX);
    const taken = message !== null && (await roster.take(message.lists, message.departures));
    if (roleOf(context) === null) return context.json({ taken, lists: null });
    return context.json({ taken, lists: roster.lists(), departures: roster.departures() });
  });
  app.get(MACHINE_PATH, (context) => {
    if (roleOf(context) === null) return refuse('This peer isn’t one of the owner’s machines.');
    return context.json({ lists: roster.digest(), report: report() });
  });
  app.post(MACHINE_PATH, async (context) => {
    if (roleOf(context) !== 'owner') return refuse('Only owners pause and resume other machines.');
    const message = await readMessage(machineOrderSchema, context.req.raw, ORDER_CHARACTERS_MAX);
    if (message === null) return context.json({ error: 'bad-request' }, 400);
    obey(message.order);
    return context.json({});
  });
  app.all('*', (context) => {
    const role = roleOf(context);
    if (role === null) return refuse('This peer isn’t one of the owner’s machines.');
    return USERS.includes(role) ? provider.fetch(context.req.raw) : refuseServing();
  });

  function roleOf(context: Context): MachineRole | null {
    return roster.roleOf(context.req.header('x-peer-id') ?? '');
  }
  return app;
}

/** Null if a machine of this role may have work done; else the response to its requests. */
export function refusalFor(role: MachineRole | null): Response | null {
  if (role === null) return refuse('This machine was removed from its network.');
  return USERS.includes(role) ? null : refuseServing();
}

function refuseServing(): Response {
  return refuse('This machine may only serve the others. The owner can change its role.');
}

/** In the error shape of OpenAI's API. */
function refuse(message: string): Response {
  const error = { message, type: 'permission_error', code: 'role-not-permitted', param: null };
  return Response.json({ error }, { status: 403 });
}
