/**
 * Verifies: through gateway and provider, tools, JSON, thoughts, probabilities and several choices arrive as each API's
 * clients expect them, streamed and whole, and are paid with a receipt that holds.
 * Setup: a real provider service with a scripted engine on a network in memory, real clients of OpenAI's library.
 * Fails if: a part of an answer is lost between engine and client, a request reaches a model that can't serve it, a bill
 * isn't checked.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import OpenAI, { APIError } from 'openai';
import type { TokenLogprob } from '../../../shared/answer-pieces.ts';
import type { Tool } from '../../../shared/asked.ts';
import type { OfferedModel } from '../../../shared/offer.ts';
import { CHAT_PATH, IGNORED_HEADER, MESSAGES_PATH, REQUEST_ID_HEADER } from '../../../shared/wire.ts';
import { OFFERED as CHEAP, createFakeGateway, createFakeProvider } from '../../fakes/market.ts';
import { createFakeHub } from '../../fakes/network.ts';
import { createScriptedEngine, type ScriptedRun } from '../../fakes/scripted-engine.ts';

const ABLE: OfferedModel = {
  ...CHEAP,
  id: 'able',
  price: { inputPerMillion: '2000000', outputPerMillion: '7000000' },
  features: ['tools', 'json', 'logprobs', 'sampling', 'reasoning'],
};
const EMBEDDING: OfferedModel = { ...ABLE, id: 'vectors', features: ['embeddings'] };
const PLAIN: OfferedModel = { ...CHEAP, id: 'plain' };
const TOOL: Tool = {
  name: 'weather',
  parameters: { type: 'object', properties: { city: { type: 'string' } } },
};
const FUNCTION = { type: 'function' as const, function: TOOL as { name: string } };
const MESSAGES = [{ role: 'user' as const, content: 'Hi' }];
const hub = createFakeHub();

let market: Awaited<ReturnType<typeof open>>;
let client: OpenAI;
before(async () => {
  market = await open();
  client = new OpenAI({ baseURL: market.gateway.baseUrl, apiKey: market.gateway.key, maxRetries: 0 });
});
after(() => market.close());

async function open() {
  const [buying, selling] = [await hub.createNetwork(), await hub.createNetwork()];
  await buying.start();
  await selling.start();
  const engine = createScriptedEngine();
  const provider = createFakeProvider(selling, { models: [ABLE, PLAIN, EMBEDDING], engine });
  await buying.connect(selling.addresses()[0] ?? '');
  const gateway = await createFakeGateway(buying);
  await gateway.directory.find(null);
  return {
    engine,
    provider,
    gateway,
    async close() {
      await gateway.stop();
      await buying.stop();
      await selling.stop();
    },
  };
}

/** Scripts an answer with a thought, a call in two parts and its end. */
function writeCall(run: ScriptedRun): void {
  run.start(10);
  run.piece({ reasoning: 'hm' }, 1, 2);
  run.piece({ toolCalls: [{ index: 0, id: 'call_1', name: 'weather', arguments: '' }] }, 3);
  run.piece({ toolCalls: [{ index: 0, arguments: '{"city":' }] }, 4);
  run.piece({ toolCalls: [{ index: 0, arguments: '"Bonn"}' }] }, 5, 6);
  run.end('tool_calls');
}

/** The last purchase was charged, with a receipt that passed every check. */
async function assertCharged(input: number, output: number): Promise<void> {
  await market.gateway.gateway.idle();
  const { job, receipt } = market.gateway.bought.at(-1) ?? assert.fail('nothing was bought');
  assert.equal(job.state, 'charged', String(job.error));
  assert.deepEqual([receipt?.inputTokens, receipt?.outputTokens], [input, output]);
  assert.deepEqual([market.gateway.faults, market.provider.faults], [[], []]);
}

/** A post with plain fetch, for headers and shapes. */
function post(path: string, body: object): Promise<Response> {
  return fetch(new URL(path, market.gateway.baseUrl), {
    method: 'POST',
    headers: { 'x-api-key': market.gateway.key, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

const call = { name: 'weather', arguments: '{"city":"Bonn"}' };

const chatBody = { model: 'able', messages: MESSAGES, tools: [FUNCTION], max_tokens: 20 };

describe('calls and choices of a chat through the gateway', () => {
  it('has calls and thoughts, whole', async () => {
    const answer = client.chat.completions.create({ ...chatBody, tool_choice: 'required' });
    const run = await market.engine.next();
    assert.ok(run.request.prompt.kind === 'chat');
    assert.deepEqual(run.request.prompt.tools, [TOOL]);
    assert.deepEqual(run.request.prompt.toolChoice, { kind: 'required' });
    writeCall(run);
    const { choices, usage, system_fingerprint } = await answer;
    assert.equal(choices[0]?.finish_reason, 'tool_calls');
    const { message } = choices[0] ?? assert.fail();
    assert.equal(message.content, null);
    assert.equal((message as { reasoning_content?: string }).reasoning_content, 'hm');
    assert.deepEqual(message.tool_calls, [{ id: 'call_1', type: 'function', function: call }]);
    assert.deepEqual(usage, { prompt_tokens: 10, completion_tokens: 6, total_tokens: 16 });
    assert.equal(system_fingerprint, `fp_${ABLE.sha256.slice(0, 12)}`);
    await assertCharged(10, 6);
  });

  it('has calls and thoughts, streamed', async () => {
    const stream = client.chat.completions.stream({ ...chatBody, stream_options: { include_usage: true } });
    let thought = '';
    stream.on('chunk', ({ choices: [choice] }) => {
      thought += (choice?.delta as { reasoning_content?: string } | undefined)?.reasoning_content ?? '';
    });
    writeCall(await market.engine.next());
    const { choices, usage } = await stream.finalChatCompletion();
    assert.equal(thought, 'hm');
    assert.deepEqual(
      choices[0]?.message.tool_calls?.map((each) => each.function),
      [call],
    );
    assert.equal(usage?.completion_tokens, 6);
    await assertCharged(10, 6);
  });

  it('has several choices, each with a seed and a receipt over all', async () => {
    const stream = await client.chat.completions.create({
      ...chatBody,
      tools: [],
      n: 2,
      seed: 7,
      stream: true,
    });
    const runs = [await market.engine.next(), await market.engine.next()];
    assert.deepEqual(
      runs.map(({ request }) => request.seed),
      [7, 8],
    );
    for (const run of runs) run.start(10);
    runs[1]?.text('b', 3);
    runs[0]?.text('a', 1, 2);
    runs[0]?.end('stop');
    runs[1]?.text('bb', 4);
    runs[1]?.end('length');
    const texts = ['', ''];
    const reasons = ['', ''];
    for await (const { choices } of stream) {
      for (const { index, delta, finish_reason: reason } of choices) {
        texts[index] += delta.content ?? '';
        reasons[index] = reason ?? reasons[index] ?? '';
      }
    }
    assert.deepEqual(
      [texts, reasons],
      [
        ['a', 'bbb'],
        ['stop', 'length'],
      ],
    );
    await assertCharged(20, 4);
  });
});

describe('options of a chat through the gateway', () => {
  it('has probabilities in the format of each endpoint', async () => {
    const probability = { token: 'fine', bytes: [102, 105, 110, 101], logprob: -0.5 };
    const logprob: TokenLogprob = {
      ...probability,
      top: [probability, { ...probability, token: 'bad', logprob: -2 }],
    };
    const chat = client.chat.completions.create({
      model: 'able',
      messages: MESSAGES,
      logprobs: true,
      top_logprobs: 2,
    });
    const writeProbability = (run: ScriptedRun) => {
      run.start(1);
      run.piece({ text: 'fine', logprobs: [logprob] }, 5);
      run.end('stop');
    };
    writeProbability(await market.engine.next());
    const { top, ...own } = logprob;
    assert.deepEqual((await chat).choices[0]?.logprobs?.content, [{ ...own, top_logprobs: top }]);
    const text = client.completions.create({ model: 'able', prompt: 'x', logprobs: 2 });
    writeProbability(await market.engine.next());
    assert.deepEqual((await text).choices[0]?.logprobs, {
      tokens: ['fine'],
      token_logprobs: [-0.5],
      top_logprobs: [{ fine: -0.5, bad: -2 }],
      text_offset: [0],
    });
  });

  it('passes sampling and JSON on, and lists what it ignores', async () => {
    const schema = {
      type: 'object',
      properties: { a: { type: 'integer' } },
      required: ['a'],
      additionalProperties: false,
    };
    const format = { type: 'json_schema', json_schema: { name: 'n', schema, strict: true } };
    const more = {
      response_format: format,
      frequency_penalty: 1,
      top_k: 5,
      logit_bias: { 3: -1 },
      store: true,
    };
    const answer = post(`${CHAT_PATH}/`, { model: 'able', messages: MESSAGES, ...more });
    const run = await market.engine.next();
    assert.deepEqual(run.request.json, { kind: 'schema', name: 'n', schema, isStrict: true });
    assert.deepEqual(run.request.sampling, { topK: 5, frequencyPenalty: 1, logitBias: [[3, -1]] });
    run.start(1);
    run.text('{"a":1}', 1);
    run.end('stop');
    const response = await answer;
    assert.equal(response.headers.get(IGNORED_HEADER), 'store');
    assert.match(response.headers.get(REQUEST_ID_HEADER) ?? '', /^req_/);
  });
});

describe('refusals of the gateway', () => {
  it('refuses what the model can’t do, by name, before anything is bought', async () => {
    const count = market.gateway.jobs.all().length;
    const cases = [
      [{ tools: [FUNCTION] }, 'tools', 'tools_not_supported'],
      [{ response_format: { type: 'json_object' as const } }, 'response_format', 'json_not_supported'],
      [{ logprobs: true }, 'logprobs', 'logprobs_not_supported'],
      [{ presence_penalty: 1 }, 'frequency_penalty', 'sampling_not_supported'],
    ] as const;
    for (const [more, param, code] of cases) {
      const answer = client.chat.completions.create({
        model: 'plain',
        messages: MESSAGES,
        ...(more as object),
      });
      await assert.rejects(answer, (error) => {
        assert.ok(error instanceof APIError);
        assert.deepEqual([error.status, error.param, error.code], [400, param, code]);
        return true;
      });
    }
    assert.equal(market.gateway.jobs.all().length, count);
    const { data } = await client.models.list();
    const features = data.map((model) => [model.id, (model as unknown as { features: string[] }).features]);
    assert.deepEqual(features, [
      ['able', [...(ABLE.features ?? [])].sort()],
      ['plain', []],
      ['vectors', ['embeddings']],
    ]);
  });

  it('names the numbers when a request exceeds the context', async () => {
    const answer = client.chat.completions.create({ model: 'able', messages: MESSAGES, max_tokens: 9_999 });
    await assert.rejects(answer, /exceed context limit: 9999 > 4096 tokens/);
  });
});

describe('responses through the gateway', () => {
  const body = {
    model: 'able',
    input: [
      { role: 'user' as const, content: 'Hi' },
      { type: 'function_call' as const, call_id: 'c0', name: 'weather', arguments: '{}' },
      { type: 'function_call_output' as const, call_id: 'c0', output: 'rain' },
    ],
    instructions: 'Be brief.',
    tools: [{ ...TOOL, type: 'function' as const, parameters: {}, strict: false }],
  };

  it('translates items, and has output items, whole', async () => {
    const answer = client.responses.create(body);
    const run = await market.engine.next();
    assert.ok(run.request.prompt.kind === 'chat');
    assert.deepEqual(
      run.request.prompt.messages.map(({ role, content, toolCalls, toolCallId }) => [
        role,
        content,
        toolCalls?.length,
        toolCallId,
      ]),
      [
        ['system', 'Be brief.', undefined, undefined],
        ['user', 'Hi', undefined, undefined],
        ['assistant', '', 1, undefined],
        ['tool', 'rain', undefined, 'c0'],
      ],
    );
    writeCall(run);
    const { status, output, usage } = await answer;
    assert.equal(status, 'completed');
    assert.deepEqual(
      output.map(({ type }) => type),
      ['reasoning', 'function_call'],
    );
    const item = output[1] ?? assert.fail();
    assert.ok(item.type === 'function_call');
    assert.deepEqual([item.call_id, item.name, item.arguments], ['call_1', call.name, call.arguments]);
    assert.equal(usage?.output_tokens, 6);
  });

  it('streams events that build up the same response', async () => {
    const stream = client.responses.stream({ ...body, tools: [] });
    const run = await market.engine.next();
    run.start(3);
    run.text('fi', 1);
    run.text('ne', 2);
    run.end('length');
    const types: string[] = [];
    for await (const event of stream) {
      types.push(event.type);
      assert.equal(event.sequence_number, types.length - 1);
    }
    assert.deepEqual(types, [
      ...[
        'response.created',
        'response.in_progress',
        'response.output_item.added',
        'response.content_part.added',
      ],
      ...['response.output_text.delta', 'response.output_text.delta', 'response.output_text.done'],
      ...['response.content_part.done', 'response.output_item.done', 'response.incomplete'],
    ]);
    const final = await stream.finalResponse();
    assert.deepEqual([final.output_text, final.incomplete_details?.reason], ['fine', 'max_output_tokens']);
    await assertCharged(3, 2);
  });

  it('refuses what needs a memory, and names its own parameters', async () => {
    const refused = (more: object) => client.responses.create({ model: 'able', input: 'x', ...more });
    await assert.rejects(refused({ previous_response_id: 'r' }), /previous_response_id/);
    await assert.rejects(refused({ max_output_tokens: 0 }), /max_output_tokens/);
    await assert.rejects(refused({ tools: [{ type: 'web_search' }] }), /tools\.0\.type/);
  });
});

const messagesBody = {
  model: 'able',
  max_tokens: 20,
  system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
  messages: [
    { role: 'user', content: 'Hi' },
    {
      role: 'assistant',
      content: [{ type: 'tool_use', id: 't0', name: 'weather', input: { city: 'Bonn' } }],
    },
    {
      role: 'user',
      content: [{ type: 'tool_result', tool_use_id: 't0', content: [{ type: 'text', text: 'rain' }] }],
    },
  ],
  tools: [{ name: 'weather', input_schema: { type: 'object' } }],
  tool_choice: { type: 'any', disable_parallel_tool_use: true },
};

describe('messages through the gateway', () => {
  it('translates blocks, and has content blocks, whole', async () => {
    const answer = post(MESSAGES_PATH, messagesBody);
    const run = await market.engine.next();
    assert.ok(run.request.prompt.kind === 'chat');
    const { messages, toolChoice, isSingleCall } = run.request.prompt;
    assert.deepEqual(
      messages.map(({ role, content }) => [role, content]),
      [
        ['system', 'Be brief.'],
        ['user', 'Hi'],
        ['assistant', ''],
        ['tool', 'rain'],
      ],
    );
    assert.deepEqual([toolChoice, isSingleCall], [{ kind: 'required' }, true]);
    writeCall(run);
    const message = await (await answer).json();
    assert.deepEqual(message.content, [
      { type: 'thinking', thinking: 'hm', signature: '' },
      { type: 'tool_use', id: 'call_1', name: 'weather', input: { city: 'Bonn' } },
    ]);
    assert.deepEqual(
      [message.stop_reason, message.usage],
      ['tool_use', { input_tokens: 10, output_tokens: 6 }],
    );
  });

  it('streams the events of its blocks, and errors in its own shape', async () => {
    const answer = post(MESSAGES_PATH, { ...messagesBody, stream: true });
    writeCall(await market.engine.next());
    const text = await (await answer).text();
    const events = [...text.matchAll(/^event: (.*)\ndata: (.*)$/gm)].map(([, name, data]) => [
      name,
      JSON.parse(data ?? ''),
    ]);
    assert.deepEqual(
      events.map(([name]) => name),
      [
        ...[
          'message_start',
          'content_block_start',
          'content_block_delta',
          'content_block_stop',
          'content_block_start',
        ],
        ...[
          'content_block_delta',
          'content_block_delta',
          'content_block_stop',
          'message_delta',
          'message_stop',
        ],
      ],
    );
    assert.ok(events.every(([name, data]) => data.type === name));
    const parts = events
      .filter(([, data]) => data.delta?.partial_json)
      .map(([, data]) => data.delta.partial_json);
    assert.equal(parts.join(''), call.arguments);
    const missing = await post(MESSAGES_PATH, { model: 'able', messages: [] });
    assert.deepEqual([missing.status, (await missing.json()).error.type], [400, 'invalid_request_error']);
  });
});

describe('a beginning of a message through the gateway', () => {
  it('continues a last message of the assistant, as this API does', async () => {
    const begun = [...messagesBody.messages.slice(0, 1), { role: 'assistant', content: 'It is' }];
    const answer = post(MESSAGES_PATH, { model: 'able', max_tokens: 5, messages: begun });
    const run = await market.engine.next();
    assert.equal(run.request.prompt.kind === 'chat' && run.request.prompt.continuesLast, true);
    run.start(1);
    run.text(' fine', 1);
    run.end('stop');
    assert.equal((await (await answer).json()).content[0].text, ' fine');
  });
});

describe('embeddings through the gateway', () => {
  const floats = (...values: number[]) => Buffer.from(Float32Array.from(values).buffer).toString('base64');

  it('has a vector for each text, as floats and as base64, and costs the input alone', async () => {
    for (const encoding_format of ['float', 'base64', undefined] as const) {
      const answer = client.embeddings.create({
        model: 'vectors',
        input: ['a', 'b'],
        ...(encoding_format && { encoding_format }),
      });
      const run = await market.engine.next();
      assert.deepEqual(run.request.prompt, { kind: 'embed', texts: ['a', 'b'] });
      run.start(7);
      run.vectors(floats(0.5, -1), floats(0.25, 1));
      run.end('stop');
      const { data, usage } = await answer;
      const expected: unknown[] = [
        [0.5, -1],
        [0.25, 1],
      ];
      const encoded: unknown[] = [floats(0.5, -1), floats(0.25, 1)];
      assert.deepEqual(
        data.map(({ embedding }) => embedding),
        encoding_format === 'base64' ? encoded : expected,
      );
      assert.deepEqual(usage, { prompt_tokens: 7, total_tokens: 7 });
      await assertCharged(7, 0);
    }
  });

  it('carries vectors that are longer together than an event may be', async () => {
    const long = floats(...Array.from({ length: 4_096 }, (_, index) => index));
    const input = Array.from({ length: 64 }, (_, index) => `text ${index}`);
    const answer = client.embeddings.create({ model: 'vectors', input, encoding_format: 'base64' });
    const run = await market.engine.next();
    run.start(70);
    run.vectors(...input.map(() => long));
    run.end('stop');
    assert.equal((await answer).data.length, 64);
    await assertCharged(70, 0);
  });

  it('refuses a model that writes, token IDs and an answer with too few vectors', async () => {
    const create = (more: object) => client.embeddings.create({ model: 'vectors', input: 'x', ...more });
    await assert.rejects(create({ model: 'able' }), /embeddings/);
    await assert.rejects(create({ input: [[1, 2]] }), /token IDs/);
    await assert.rejects(create({ input: [''] }), /empty/);
    await assert.rejects(create({ dimensions: 5 }), /dimensions/);
    const short = create({ input: ['a', 'b'] });
    const run = await market.engine.next();
    run.start(2);
    run.vectors(floats(1));
    run.end('stop');
    await assert.rejects(short, /number of embeddings/);
  });
});
