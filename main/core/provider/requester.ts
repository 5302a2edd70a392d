/** The requester of a request, as the network has identified it. */
import type { Context } from 'hono';
import type { Asking } from './admission.ts';

export function peerOf(context: Context): string {
  return context.req.header('x-peer-id') ?? 'direct';
}

export function askingOf(context: Context): Asking {
  return { peer: peerOf(context), subnet: context.req.header('x-peer-subnet') ?? null };
}
