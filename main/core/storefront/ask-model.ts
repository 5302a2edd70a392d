/** The tool `ask_model` for agents: one question to a model of the market, paid with the call. */
import { z } from 'zod';
import { checkShape } from '../../../shared/check-shape.ts';
import { parseJson } from '../../../shared/json.ts';
import {
  CHAT_PATH,
  PAYMENT_HEADER,
  PAYMENT_REQUIRED_HEADER,
  PAYMENT_RESPONSE_HEADER,
} from '../../../shared/wire.ts';
import type { PaidTool, PaidToolResult } from '../../ports/paid-tool.ts';

const argumentsSchema = z.object({
  model: z.string().min(1).max(200),
  prompt: z.string().min(1).max(200_000),
  max_tokens: z.number().int().min(1).max(100_000).optional(),
});

const INPUT_SCHEMA: PaidTool['inputSchema'] = {
  type: 'object',
  properties: {
    model: { type: 'string', description: 'Name of a model, as /v1/models lists them' },
    prompt: { type: 'string', description: 'The question' },
    max_tokens: {
      type: 'integer',
      minimum: 1,
      description: 'Most tokens of the answer; it limits the price',
    },
  },
  required: ['model', 'prompt'],
};
const RESOURCE = {
  url: 'mcp://tool/ask_model',
  description: 'The answer of a language model to one question',
  mimeType: 'text/plain',
};

const answerSchema = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string().nullable() }) })).min(1),
});
const errorSchema = z.object({ error: z.object({ message: z.string() }) });

/** `sell` answers a request to the storefront's paid paths for the same visitor. */
export function createAskModel(sell: (request: Request) => Response | Promise<Response>): PaidTool {
  return {
    name: 'ask_model',
    description:
      'Asks an open language model one question. Paid per call with x402; the price depends on both lengths.',
    inputSchema: INPUT_SCHEMA,
    async call({ arguments: given, payment, signal }) {
      const asked = checkShape(argumentsSchema, given);
      if (!asked.success) {
        return {
          kind: 'failed',
          message: 'Give "model" and "prompt" and, optionally, "max_tokens" as an integer.',
        };
      }
      const { prompt, ...rest } = asked.data;
      const headers = {
        'content-type': 'application/json',
        ...(payment !== undefined && { [PAYMENT_HEADER]: encoded(payment) }),
      };
      const body = JSON.stringify({ ...rest, messages: [{ role: 'user', content: prompt }] });
      return read(
        await sell(new Request(`http://storefront${CHAT_PATH}`, { method: 'POST', headers, body, signal })),
      );
    },
  };
}

async function read(response: Response): Promise<PaidToolResult> {
  const required = response.headers.get(PAYMENT_REQUIRED_HEADER);
  const body = parseJson(await response.text());
  if (response.status === 402 && required !== null) {
    const { extensions: _, ...known } = decoded(required);
    const message = errorSchema.safeParse(body);
    return {
      kind: 'payment-required',
      required: {
        ...known,
        resource: RESOURCE,
        ...(message.success && { error: message.data.error.message }),
      },
    };
  }
  const answer = answerSchema.safeParse(body);
  if (response.status === 200 && answer.success) {
    const paid = response.headers.get(PAYMENT_RESPONSE_HEADER);
    const text = answer.data.choices[0]?.message.content ?? '';
    return { kind: 'answered', text, paymentResponse: paid === null ? null : decoded(paid) };
  }
  const failure = errorSchema.safeParse(body);
  return {
    kind: 'failed',
    message: failure.success ? failure.data.error.message : 'The model could not answer.',
  };
}

/** Headers of x402 are base64 of JSON. */
function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64');
}

function decoded(header: string): Record<string, unknown> {
  return z.record(z.string(), z.unknown()).parse(parseJson(Buffer.from(header, 'base64').toString()));
}
