/** A request as its payment depends on it, and the answer of the payment gate. */
import type { Context } from 'hono';
import type { Admission, PaidRequest } from '../../ports/payments.ts';

/** The answer of the gate to a request that it didn't admit. */
export function responseOf({ body, status, headers }: Extract<Admission, { kind: 'answered' }>): Response {
  return new Response(body, { status, headers });
}

/** The part of a request that the gate reads. It may cost `costMax`, in base units of the gate's token. */
export function paidRequest(
  context: Context,
  costMax: PaidRequest['ceiling'],
  description: string,
): PaidRequest {
  return {
    method: context.req.method,
    path: context.req.path,
    header: (name) => context.req.header(name),
    ceiling: costMax,
    description,
  };
}
