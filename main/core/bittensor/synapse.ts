/**
 * Answers the dendrite of Bittensor's version 10 as it expects it: the synapse with its answer as JSON, and headers in which
 * this machine's hotkey signs for the call.
 */
import { z } from 'zod';
import { parseJson } from '../../../shared/json.ts';
import { AXON_PREFIX, DENDRITE_PREFIX, SYNAPSE_NAME } from '../../../shared/wire.ts';
import type { Hotkey } from '../../ports/hotkeys.ts';
import type { SynapseClaim } from './claims.ts';

export interface SynapseAnswer {
  readonly own: Hotkey;
  /** Name of this run. */
  readonly uuid: string;
  readonly nonceNs: bigint;
  readonly claim: SynapseClaim;
  /** The request in the synapse, as JSON. */
  readonly request: string;
  /** The provider service's. */
  readonly response: Response;
  readonly seconds: number;
}

const failureSchema = z.object({ error: z.object({ message: z.string() }) });
const OK = 200;

/** Reads the provider's answer to its end. */
export async function synapseResponse(parts: SynapseAnswer): Promise<Response> {
  const { own, uuid, nonceNs, claim, request, response } = parts;
  const answer = await response.text();
  if (response.status !== OK) {
    const message = failureOf(answer);
    const retryAfter = response.headers.get('retry-after');
    const headers = retryAfter === null ? {} : { 'retry-after': retryAfter };
    return Response.json({ message }, { status: response.status, headers });
  }
  const nonce = nonceNs.toString();
  const axon = {
    ...{ status_code: OK, status_message: 'Success', process_time: parts.seconds },
    ...{ nonce, uuid, hotkey: own.address },
    signature: own.sign([nonce, claim.sender, own.address, uuid].join('.')),
  };
  const dendrite = {
    ...{ nonce: claim.nonce.ns.toString(), uuid: claim.uuid, hotkey: claim.sender },
    signature: `0x${claim.signature}`,
  };
  return Response.json(
    { name: SYNAPSE_NAME, request, answer, axon, dendrite },
    {
      headers: { name: SYNAPSE_NAME, ...prefixed(AXON_PREFIX, axon), ...prefixed(DENDRITE_PREFIX, dendrite) },
    },
  );
}

function failureOf(answer: string): string {
  try {
    return failureSchema.parse(parseJson(answer)).error.message;
  } catch {
    return 'The request failed.';
  }
}

function prefixed(prefix: string, values: Readonly<Record<string, string | number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, String(value)]));
}
