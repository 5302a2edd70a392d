/** Makes `docs/api.md` from the code: the endpoints with their parameters, the limits, and the last run of the clients. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Endpoint, PARAMETERS, type Parameter } from '../../shared/api-parameters.ts';
import { BATCH_ENDPOINTS, BATCH_LIMITS, batchWaitSchema, COMPLETION_WINDOW } from '../../shared/batches.ts';
import { CHOICE_REASONS } from '../../shared/choice-note.ts';
import { MODEL_FEATURES } from '../../shared/model-features.ts';
import { codesByStatus } from '../../shared/openai-errors.ts';
import * as limits from '../../shared/request-limits.ts';
import {
  BATCHES_PATH,
  CHAT_PATH,
  CHOICE_HEADER,
  EMBEDDINGS_PATH,
  FILES_PATH,
  IGNORED_HEADER,
  MESSAGES_PATH,
  RESPONSES_PATH,
  TEXT_PATH,
} from '../../shared/wire.ts';
import {
  ABILITIES,
  type Ability,
  CLIENTS,
  type ClientCase,
  PROVIDER_ABILITIES,
  PROVIDER_CLIENTS,
} from '../../test/clients/clients.ts';
import { REPOSITORY } from './places.ts';

export const API_DOCUMENT = join(REPOSITORY, 'docs', 'api.md');
export const CLIENT_RESULTS = join(REPOSITORY, 'test', 'clients', 'results.json');

/** One run of one client: what worked, or the first line of the failure. */
export interface ClientResult {
  readonly name: string;
  readonly abilities: Partial<Record<Ability, string>>;
}

const PATHS: Readonly<Record<Endpoint, string>> = {
  chat: CHAT_PATH,
  text: TEXT_PATH,
  responses: RESPONSES_PATH,
  messages: MESSAGES_PATH,
  embeddings: EMBEDDINGS_PATH,
};

/** Returns the results of the last stored run; empty if there is none. */
export function storedResults(): readonly ClientResult[] {
  return existsSync(CLIENT_RESULTS) ? JSON.parse(readFileSync(CLIENT_RESULTS, 'utf8')) : [];
}

/** Returns the text of the document. */
export function apiDocument(results: readonly ClientResult[]): string {
  const endpoints = Object.keys(PARAMETERS) as Endpoint[];
  return `${[
    INTRODUCTION,
    ...endpoints.map(
      (endpoint) => `## \`POST ${PATHS[endpoint]}\`\n\n${parameterTable(PARAMETERS[endpoint])}`,
    ),
    BATCHES,
    `## Errors\n\n${errorTable()}`,
    `## Limits\n\n${limitTable()}`,
    `## Clients\n\n${clientTables(results)}`,
  ].join('\n\n')}\n`;
}

const { linesMax, fileBytesMax, lineBytesMax } = BATCH_LIMITS;
const BATCHES = `## Files and batches

At the gateway only, as OpenAI defines them: \`POST\`, \`GET\` and \`DELETE ${FILES_PATH}\` with
\`GET ${FILES_PATH}/{id}/content\`; \`POST\` and \`GET ${BATCHES_PATH}\` with \`POST ${BATCHES_PATH}/{id}/cancel\`.

- A file has the purpose \`batch\`, up to ${linesMax} lines and ${fileBytesMax} bytes, ${lineBytesMax} bytes a line. The endpoints of lines are
  ${BATCH_ENDPOINTS.map((path) => `\`${path}\``).join(', ')}; \`stream\` must be false. \`completion_window\` is
  \`${COMPLETION_WINDOW}\`. \`expires_after\` and \`output_expires_after\` are ignored: files stay until they are deleted.
- Lines run behind live requests: where a provider has a free slot, one slot less for a minute after a live request.
- \`idlewatt\` in a batch and in each line of its files has what it cost, in base units, and the jobs of the line;
  \`waiting_for\` is why a batch waits: \`${batchWaitSchema.options.join('`, `')}\`.
- A line is sent again only if its answer is certain not to have been charged, or up to three times after a provider broke
  it off (\`answer_incomplete\` after that). An answer that was charged and that its provider doesn’t have any more is the
  error \`answer_lost\`. A provider that can’t be reached for 20 minutes is given up: if it had charged, the line costs both
  jobs, which \`idlewatt\` lists.`;

const INTRODUCTION = `# The HTTP API

Made from the code by \`node scripts/generators/make-api-document.ts\`; \`npm run check\` compares it.

The gateway and every provider serve the same endpoints. The gateway translates each into a chat or text completion, buys it
and checks the bill; a provider answers \`GET\` on them with 402 and the payment requirements.

- **Supported** parameters have their meaning. **Ignored** ones are accepted, because the answer means the same without
  them; so are all that aren't listed here. The response header \`${IGNORED_HEADER}\` names them. **Refused** ones would
  change the answer: any value that has an effect is an error 400 with the parameter's name.
- The response header \`${CHOICE_HEADER}\` of the gateway has the reason for the choice of the provider
  (${CHOICE_REASONS.map((reason) => `\`${reason}\``).join(', ')}), the number of providers
  compared, and the amounts that were compared, in base units: the highest price of the request, and surcharges that are
  never paid. It is absent from streams that take longer than a second to begin.
- \`GET /v1/models\` lists the features of each model: ${MODEL_FEATURES.map((feature) => `\`${feature}\``).join(', ')}. A request that needs another
  is an error 400 before anything is paid.
- Tools are rendered by the model's own chat template, and calls are read in its own format: Hermes and Qwen, Qwen3-Coder
  (XML), Llama 3, Mistral (both forms), or JSON. In a forced call of Qwen3-Coder's a text can't contain \`</\`. With \`tool_choice\` \`required\` or a name a grammar forces the call. A response grammar
  begins with the first token, so a reasoning model doesn't think before it.
- JSON schemas become grammars. With \`strict\` a keyword that a grammar can't enforce (\`pattern\`, \`minimum\`) is an error
  400; without it such a keyword only describes.
- Thoughts of a reasoning model are in \`reasoning_content\`, or the reasoning items and thinking blocks of the other two
  APIs. They are output tokens.
- If a provider pauses, dies or falls silent in the middle of an answer, another one continues it, but only
  while it is plain text: not with several choices, probabilities, JSON,
  forced calls, or after thoughts or calls.`;

function parameterTable(parameters: readonly Parameter[]): string {
  const rows = parameters.map(({ name, support, harmless = [], note }) => {
    const allowed = harmless.filter((value) => value !== null).map((value) => `\`${JSON.stringify(value)}\``);
    const exceptions = allowed.length > 0 ? `${allowed.join(' or ')} changes nothing` : '';
    return `| \`${name}\` | ${support} | ${[note, exceptions].filter(Boolean).join('; ')} |`;
  });
  return ['| parameter | | values, conditions |', '| --- | --- | --- |', ...rows].join('\n');
}

function limitTable(): string {
  const rows = Object.entries(limits).map(
    ([name, value]) => `| \`${name}\` | ${value.toLocaleString('en-US')} |`,
  );
  return [
    'Their meaning is in `shared/request-limits.ts`.',
    '',
    '| limit | value |',
    '| --- | --- |',
    ...rows,
  ].join('\n');
}

/** When each status is sent. */
const STATUS_MEANINGS: Readonly<Record<number, string>> = {
  400: 'The request is wrong: the message and `param` name the parameter. Nothing was bought.',
  401: 'The API key is missing, unknown, revoked or expired; or a web page or host name that isn’t allowed.',
  402: 'A price or budget is exceeded, of the key (`insufficient_quota`), the request or the owner; or the payment was refused.',
  403: 'The provider’s owner doesn’t sell such jobs (`category_not_accepted`), or not to this machine (`buyer_not_accepted`). Nothing was bought.',
  404: 'Nobody offers that model, or the path is unknown.',
  405: 'The path has other methods: `Allow` lists them.',
  413: 'The body is too large.',
  415: 'The body isn’t declared as JSON, or is compressed.',
  422: 'The model’s chat template can’t render these messages, for example their order.',
  429: 'A limit of the key, the peer or the gateway: wait for `Retry-After`.',
  500: 'The engine failed, or a bug: `incident` finds it in the log.',
  502: 'The provider can’t be reached, or its bill was false.',
  503: 'Paused, measuring its speed, starting, or without a provider for now: wait for `Retry-After`, where it is given.',
};

function errorTable(): string {
  const rows = [...codesByStatus()].map(([status, codes]) => {
    const names = codes.map((each) => `\`${each}\``).join(', ');
    return `| ${status} | ${names} | ${STATUS_MEANINGS[status] ?? assert.fail(`status ${status}`)} |`;
  });
  return [
    `In OpenAI’s format, and at \`${MESSAGES_PATH}\` in Anthropic’s. After a stream has begun, an error is its last event. A code may`,
    'name a reason more exactly, for example `paused_owner_active` or `daily_budget_spent`.',
    '',
    '| status | codes | sent when |',
    '| --- | --- | --- |',
    ...rows,
  ].join('\n');
}

function clientTables(results: readonly ClientResult[]): string {
  return [
    'The last run of `npm run test:clients -- --write`: real clients against a gateway with the real engine and a tiny model.',
    clientTable(CLIENTS, ABILITIES, results),
    'Clients of a provider, over HTTP or libp2p, with real payments on a local chain. `price`: `GET` of a paid path, and a request\nwithout a payment, answer 402 with the requirements. `offer` and `vectors`: what the provider signs is verified as\n[protocol.md](protocol.md) describes it.',
    clientTable(PROVIDER_CLIENTS, PROVIDER_ABILITIES, results),
  ].join('\n\n');
}

function clientTable(
  clients: readonly ClientCase[],
  abilities: readonly Ability[],
  results: readonly ClientResult[],
): string {
  const rows = clients.map((client) => {
    const result = results.find(({ name }) => name === client.name);
    const cells = abilities.map((ability) => {
      const without = client.without[ability];
      if (without !== undefined) return without;
      const found = result?.abilities[ability];
      return found === undefined ? 'not run' : found === 'ok' ? 'works' : cell(found);
    });
    return `| ${client.name} | ${cells.join(' | ')} |`;
  });
  return [
    `| client | ${abilities.join(' | ')} |`,
    `| --- |${' --- |'.repeat(abilities.length)}`,
    ...rows,
  ].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '/').replace(/\s+/g, ' ').slice(0, 120);
}
