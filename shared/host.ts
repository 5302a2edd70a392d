/**
 * Messages below the API between the agent's process and the process that started it, and the READY line. To a utility
 * process ports are transferred; to a child process they are numbered and relayed.
 */
import { z } from 'zod';
import { profileSchema } from './api/state.ts';
import { ERROR_CODES } from './errors.ts';
import { startupStepSchema } from './startup.ts';
import { READY_PREFIX, TOKEN_FRAGMENT } from './wire.ts';

const pageAddressSchema = z.object({ url: z.url(), token: z.string().regex(/^[0-9a-f]{32,128}$/) });

const gatewayAddressSchema = z.object({ baseUrl: z.url(), key: z.string() });

/** The content of a READY line, and of the shell's message when the agent is up. */
export const agentReadySchema = z.object({
  pid: z.number().int().positive(),
  home: z.string(),
  profile: profileSchema,
  /** Null in the desktop, where pages come through the shell. */
  page: pageAddressSchema.nullable(),
  gateway: gatewayAddressSchema.nullable(),
  peer: z.object({ id: z.string(), addresses: z.array(z.string()) }),
  chain: z.object({ id: z.string(), rpcUrl: z.url(), token: z.string() }).nullable(),
  /** The practice network's second agent, so that its ledger can be read and its gateway used too. */
  requester: z
    .object({ pid: z.number().int().positive(), page: pageAddressSchema, gateway: gatewayAddressSchema })
    .nullable(),
  /** A public node's metrics. */
  metrics: z.url().exactOptional(),
  /** Address on which the storefront listens. */
  storefront: z.url().exactOptional(),
  /** Address for requests that Bittensor’s hotkeys sign, and the hotkey that they are signed for. */
  bittensor: z.object({ url: z.url(), hotkey: z.string() }).exactOptional(),
});
export type AgentReady = z.infer<typeof agentReadySchema>;

/** The line that the agent prints when it is up. */
export function readyLine(ready: AgentReady): string {
  return READY_PREFIX + JSON.stringify(ready);
}

/** Reads a line of the agent's output; null for any other line. Throws if a READY line is malformed. */
export function parseReadyLine(line: string): AgentReady | null {
  if (!line.startsWith(READY_PREFIX)) return null;
  return agentReadySchema.parse(JSON.parse(line.slice(READY_PREFIX.length)));
}

/** The address to open in a browser. The token is in the fragment, which is never sent to a server. */
export function pageAddress(page: z.infer<typeof pageAddressSchema>): string {
  return page.url + TOKEN_FRAGMENT + page.token;
}

/** The rights of a port: a page's, or the shell's own. Pages never get a port with the shell's. */
export const portRoleSchema = z.enum(['page', 'shell']);
export type PortRole = z.infer<typeof portRoleSchema>;

/** The parent to its agent. With a utility process `connect` carries a transferred port and `data` is not used. */
export const toAgentSchema = z.discriminatedUnion('type', [
  /**
   * Always the first message, and the only way for a passphrase: other programs can read a command line and an
   * environment. Null where the agent finds it itself.
   */
  z.object({ type: z.literal('secret'), passphrase: z.string().nullable() }),
  /** To a practice requester that was started without a provider, once. */
  z.object({ type: z.literal('provider'), connect: z.string(), rpcUrl: z.url() }),
  z.object({ type: z.literal('connect'), role: portRoleSchema, port: z.number().int().nonnegative() }),
  z.object({ type: z.literal('data'), port: z.number().int().nonnegative(), data: z.unknown() }),
  z.object({ type: z.literal('close'), port: z.number().int().nonnegative() }),
  z.object({ type: z.literal('stop') }),
]);
export type ToAgent = z.infer<typeof toAgentSchema>;
export type PracticeProvider = Pick<Extract<ToAgent, { type: 'provider' }>, 'connect' | 'rpcUrl'>;

/** The agent to its parent. */
export const fromAgentSchema = z.discriminatedUnion('type', [
  /** A step of the start begins. Any number of them come before `ready`. */
  z.object({ type: z.literal('step'), step: startupStepSchema }),
  /** The API answers. In practice the practice requester is still starting, so `requester` is null. */
  z.object({ type: z.literal('ready'), ready: agentReadySchema }),
  /** The agent can't run, before or after `ready`; it exits. */
  z.object({
    type: z.literal('failed'),
    message: z.string(),
    code: z.enum(ERROR_CODES).nullable(),
  }),
  z.object({ type: z.literal('data'), port: z.number().int().nonnegative(), data: z.unknown() }),
  z.object({ type: z.literal('close'), port: z.number().int().nonnegative() }),
]);
export type FromAgent = z.infer<typeof fromAgentSchema>;
