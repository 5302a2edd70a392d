/**
 * Verifies: a request is parsed with OpenAI's meaning, or rejected with the name of its parameter.
 * Setup: examples and properties.
 * Fails if: a parameter is silently ignored, a client's harmless default is rejected, buyer and provider compute
 * different ceilings.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { answerTokensMax, promptTokensMax, textsOf } from '../../../shared/asked.ts';
import { AppError, isAppError } from '../../../shared/errors.ts';
import { schemaGrammar } from '../../../shared/json-grammar.ts';
import { readCompletion } from '../../../shared/openai.ts';
import { toRequestBody } from '../../../shared/openai-body.ts';
import { toOpenAiError } from '../../../shared/openai-errors.ts';

const chat = (more: object = {}) => ({
  model: 'm',
  messages: [{ role: 'user', content: 'Hello' }],
  ...more,
});

function refusal(kind: 'chat' | 'text', body: unknown): { param: unknown; code: unknown } {
  try {
    readCompletion(kind, body);
  } catch (error) {
    assert.ok(isAppError(error, 'bad-request'));
    return { param: error.details.param, code: error.details.code };
  }
  throw new assert.AssertionError({ message: 'it was accepted' });
}

it('reads the parameters of the answer, with the API’s defaults', () => {
  assert.deepEqual(readCompletion('chat', chat()), {
    api: 'chat',
    prompt: { kind: 'chat', messages: [{ role: 'user', content: 'Hello' }] },
    model: 'm',
    maxTokens: null,
    temperature: 1,
    topP: 1,
    seed: null,
    stop: [],
    sampling: {},
    json: null,
    choices: 1,
    topLogprobs: null,
    stream: false,
    includeUsage: false,
    returnTokenIds: false,
    ignored: [],
  });
});

it('reads all variants of the API into one form', () => {
  const asked = readCompletion(
    'chat',
    chat({
      messages: [
        {
          role: 'developer',
          content: [
            { type: 'text', text: 'Be ' },
            { type: 'text', text: 'brief.' },
          ],
        },
        { role: 'assistant', content: 'Yes', refusal: null, tool_calls: [], annotations: [] },
      ],
      max_completion_tokens: 7,
      stop: 'END',
      seed: -1,
      stream: true,
      stream_options: { include_usage: true },
    }),
  );
  assert.deepEqual(textsOf(asked), ['Be brief.', 'Yes']);
  assert.equal(asked.prompt.kind === 'chat' && asked.prompt.messages[0]?.role, 'system');
  assert.deepEqual([asked.maxTokens, asked.stop, asked.seed], [7, ['END'], 2 ** 32 - 1]);
  assert.ok(asked.stream && asked.includeUsage);
});

it('accepts the beginning of an answer with vLLM’s two parameters, and sends it on with them', () => {
  const begun = [
    { role: 'user', content: 'Hello' },
    { role: 'assistant', content: 'Once' },
  ];
  const continuing = { continue_final_message: true, add_generation_prompt: false };
  const asked = readCompletion('chat', chat({ messages: begun, ...continuing }));
  assert.equal(asked.prompt.kind === 'chat' && asked.prompt.continuesLast, true);
  assert.deepEqual(readCompletion('chat', toRequestBody(asked)).prompt, asked.prompt);
  for (const usual of [{}, { add_generation_prompt: true }, { continue_final_message: false }]) {
    const { prompt } = readCompletion('chat', chat({ messages: begun, ...usual }));
    assert.ok(prompt.kind === 'chat' && !prompt.continuesLast);
  }
  const invalid = (param: string) => ({ param, code: 'invalid_value' });
  for (const half of [{ continue_final_message: true }, { add_generation_prompt: false }]) {
    assert.deepEqual(refusal('chat', chat({ messages: begun, ...half })), invalid('add_generation_prompt'));
  }
  const empty = [...begun.slice(0, 1), { role: 'assistant', content: '' }];
  for (const messages of [begun.slice(0, 1), empty]) {
    assert.deepEqual(refusal('chat', chat({ messages, ...continuing })), invalid('continue_final_message'));
  }
  const text = readCompletion('text', { model: 'm', prompt: 'x', ...continuing });
  assert.deepEqual(text.ignored, ['continue_final_message', 'add_generation_prompt']);
});

it('accepts parameters with values that change nothing', () => {
  const harmless = {
    n: 1,
    presence_penalty: 0,
    frequency_penalty: 0,
    logit_bias: null,
    logprobs: false,
    user: 'someone',
    tools: [],
    tool_choice: 'auto',
    parallel_tool_calls: true,
    response_format: { type: 'text' },
    store: false,
    metadata: {},
    service_tier: 'auto',
    temperature: null,
    stream: null,
  };
  assert.equal(readCompletion('chat', chat(harmless)).temperature, 1);
  assert.equal(
    readCompletion('text', { model: 'm', prompt: ['x'], best_of: 1, echo: false }).prompt.kind,
    'text',
  );
});

it('rejects unsupported parameters that would change the answer, by name', () => {
  const user = { role: 'user', content: 'x' };
  const tool = (name: string, more: object = {}) => ({ type: 'function', function: { name, ...more } });
  const cases: [object, string][] = [
    [{ n: 5 }, 'n'],
    [{ presence_penalty: 2.5 }, 'presence_penalty'],
    [{ logit_bias: { word: 1 } }, 'logit_bias.word'],
    [{ logit_bias: { 5: 101 } }, 'logit_bias.5'],
    [{ top_logprobs: 2 }, 'top_logprobs'],
    [{ logprobs: true, tools: [tool('a')] }, 'logprobs'],
    [{ response_format: { type: 'xml' } }, 'response_format.type'],
    [{ response_format: { type: 'json_schema' } }, 'response_format.json_schema'],
    [{ tools: [{ type: 'code_interpreter' }] }, 'tools.0.type'],
    [{ tools: [tool('a b')] }, 'tools.0.function.name'],
    [{ tools: [tool('a'), tool('a')] }, 'tools.1.function.name'],
    [{ tools: Array.from({ length: 129 }, (_, index) => tool(`t${index}`)) }, 'tools'],
    [{ tools: [tool('a', { description: 'x'.repeat(70_000) })] }, 'tools'],
    [{ tools: [tool('a')], tool_choice: tool('b') }, 'tool_choice'],
    [{ tool_choice: 'required' }, 'tool_choice'],
    [{ functions: [{ name: 'f' }] }, 'functions'],
    [{ modalities: ['text', 'audio'] }, 'modalities'],
    [{ guided_regex: 'a+' }, 'guided_regex'],
    [{ web_search_options: {} }, 'web_search_options'],
    [{ temperature: 3 }, 'temperature'],
    [{ top_p: -0.1 }, 'top_p'],
    [{ max_tokens: 0 }, 'max_tokens'],
    [{ max_tokens: 1.5 }, 'max_tokens'],
    [{ max_tokens: 5, max_completion_tokens: 6 }, 'max_tokens'],
    [{ stop: ['a', 'b', 'c', 'd', 'e'] }, 'stop'],
    [{ stop: '' }, 'stop'],
    [{ seed: 'x' }, 'seed'],
    [{ stream: 'yes' }, 'stream'],
    [{ model: '' }, 'model'],
    [{ messages: [] }, 'messages'],
    [{ messages: [{ role: 'tool', content: 'x' }] }, 'messages.0.tool_call_id'],
    [{ messages: [{ role: 'user' }] }, 'messages.0.content'],
    [
      { messages: [{ ...user, tool_calls: [{ id: 'a', function: { name: 'f', arguments: '' } }] }] },
      'messages.0.tool_calls',
    ],
    [{ messages: [{ role: 'user', content: [{ type: 'image_url', image_url: {} }] }] }, 'messages.0.content'],
    [{ messages: [{ role: 'assistant', content: 'x', audio: { id: 'a' } }] }, 'messages.0.audio'],
    [{ stream_options: { other: 1 } }, 'stream_options.other'],
  ];
  for (const [more, param] of cases)
    assert.equal(refusal('chat', chat(more)).param, param, JSON.stringify(more));
  assert.equal(refusal('text', { model: 'm', prompt: ['a', 'b'] }).param, 'prompt');
  assert.equal(refusal('text', { model: 'm', prompt: 'a', echo: true }).param, 'echo');
  assert.equal(refusal('text', { model: 'm', prompt: 'a', best_of: 2 }).param, 'best_of');
  for (const body of [null, 5, [], 'x']) assert.equal(refusal('chat', body).code, 'invalid_body');
});

it('accepts what can’t change the meaning of the answer, and lists it', () => {
  const asked = readCompletion(
    'chat',
    chat({
      messages: [{ role: 'user', content: 'x', name: 'Ada', cache_control: { type: 'ephemeral' } }],
      reasoning_effort: 'high',
      verbosity: 'low',
      store: true,
      service_tier: 'flex',
      prompt_cache_key: 'k',
      prompt_cache_retention: '24h',
      'made up\r\n': 1,
    }),
  );
  assert.deepEqual(asked.ignored, [
    ...['verbosity', 'store', 'service_tier', 'prompt_cache_key', 'prompt_cache_retention', 'made?up??'],
    ...['messages.cache_control', 'reasoning_effort'],
  ]);
  const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`key${index}`, index]));
  assert.ok(readCompletion('chat', chat(many)).ignored.length <= 32);
});

it('reads a history with calls, their results, thoughts and messages without content', () => {
  const call = { id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } };
  const { prompt } = readCompletion(
    'chat',
    chat({
      messages: [
        { role: 'user', content: 'x' },
        { role: 'assistant', tool_calls: [call], reasoning_content: 'hm', refusal: null, annotations: [] },
        { role: 'tool', tool_call_id: 'c1', content: [{ type: 'text', text: 'noon' }] },
        { role: 'assistant', content: null },
      ],
    }),
  );
  assert.ok(prompt.kind === 'chat');
  assert.deepEqual(prompt.messages, [
    { role: 'user', content: 'x' },
    {
      role: 'assistant',
      content: '',
      reasoning: 'hm',
      toolCalls: [{ id: 'c1', name: 'f', arguments: '{"a":1}' }],
    },
    { role: 'tool', content: 'noon', toolCallId: 'c1' },
    { role: 'assistant', content: '' },
  ]);
});

it('refuses a schema that is too deep, too large, circular or not enforceable, by its parameter', () => {
  const format = (schema: object, strict = true) =>
    chat({ response_format: { type: 'json_schema', json_schema: { name: 's', schema, strict } } });
  const deep = (levels: number): object =>
    levels === 0 ? { type: 'null' } : { type: 'array', items: deep(levels - 1) };
  const refusedSchemas = [
    deep(30),
    { enum: Array.from({ length: 9_000 }, (_, index) => index) },
    { $ref: '#' },
    { $ref: '#/$defs/a', $defs: { a: { anyOf: [{ $ref: '#/$defs/b' }] }, b: { $ref: '#/$defs/a' } } },
    { $ref: 'https://example.org/schema' },
    { $ref: '#/missing' },
    { type: 'string', pattern: 'a+' },
    { type: 'string', minLength: 1e9 },
    { type: 'array', minItems: 3, maxItems: 1 },
    { type: 'object', required: ['a'] },
    { type: 'thing' },
    { anyOf: [] },
  ];
  for (const schema of refusedSchemas) {
    const { param, code } = refusal('chat', format(schema));
    assert.deepEqual(
      [param, code],
      ['response_format', 'invalid_json_schema'],
      JSON.stringify(schema).slice(0, 80),
    );
  }
  const loose = format({ type: 'string', pattern: 'a+' }, false);
  assert.equal(readCompletion('chat', loose).json?.kind, 'schema', 'without strict a pattern only describes');
  const tools = [{ type: 'function', function: { name: 'f', parameters: deep(60) } }];
  assert.match(String(refusal('chat', chat({ tools })).param), /^tools/);
});

it('takes any JSON in any place, or refuses it as a bad request (property)', () => {
  const names = [
    'messages',
    'tools',
    'tool_choice',
    'response_format',
    'logit_bias',
    'stop',
    'stream_options',
    'n',
  ];
  const schemaLike = fc.letrec((tie) => ({
    node: fc.oneof(
      { maxDepth: 6 },
      fc.jsonValue(),
      fc.record({ type: fc.constantFrom('object', 'array', 'string', 'number', 'x'), items: tie('node') }),
      fc.record({
        anyOf: fc.array(tie('node'), { maxLength: 3 }),
        $ref: fc.constantFrom('#', '#/a', '#/anyOf/0'),
      }),
      fc.record({
        properties: fc.dictionary(fc.string(), tie('node'), { maxKeys: 3 }),
        required: fc.jsonValue(),
      }),
      fc.record({ enum: fc.jsonValue(), minLength: fc.jsonValue(), maxItems: fc.jsonValue() }),
    ),
  })).node;
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.jsonValue(), schemaLike, (name, value, schema) => {
      const bodies = [
        chat({ [name]: value }),
        chat({ tools: [{ type: 'function', function: { name: 'f', parameters: schema } }] }),
        chat({ response_format: { type: 'json_schema', json_schema: { name: 's', schema } } }),
      ];
      for (const body of bodies) {
        try {
          const asked = readCompletion('chat', body);
          assert.ok(promptTokensMax(asked) > 0);
          toRequestBody(asked);
        } catch (error) {
          assert.ok(isAppError(error, 'bad-request'), String(error));
        }
      }
    }),
    { numRuns: 500 },
  );
});

it('never quotes content in an error (property)', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 12 }), (secret) => {
      const bodies = [
        chat({ messages: [{ role: 'user', content: { secret } }] }),
        chat({ messages: [{ role: secret, content: 'x' }] }),
        chat({ stop: [secret, secret, secret, secret, secret] }),
      ];
      for (const body of bodies) {
        try {
          readCompletion('chat', body);
        } catch (error) {
          assert.ok(!JSON.stringify(toOpenAiError(error)).includes(JSON.stringify(secret).slice(1, -1)));
        }
      }
    }),
  );
});

it('means the same after it was sent and parsed again (property)', () => {
  const messages = fc.array(
    fc.oneof(
      fc.record({ role: fc.constantFrom('system', 'user', 'assistant'), content: fc.string() }),
      fc.record({
        role: fc.constant('tool'),
        tool_call_id: fc.string({ maxLength: 9 }),
        content: fc.string(),
      }),
      fc.record({
        role: fc.constant('assistant'),
        reasoning_content: fc.string(),
        tool_calls: fc.array(
          fc.record({
            id: fc.string({ maxLength: 9 }),
            function: fc.constant({ name: 'f', arguments: '{"a": [1]}' }),
          }),
          { maxLength: 2 },
        ),
      }),
    ),
    { minLength: 1, maxLength: 5 },
  );
  const tools = [
    {
      type: 'function',
      function: { name: 'f', description: 'F', parameters: { type: 'object' }, strict: true },
    },
    { type: 'function', function: { name: 'g' } },
  ];
  const choice = { type: 'function', function: { name: 'g' } };
  fc.assert(
    fc.property(
      messages,
      fc.record({
        max_tokens: fc.option(fc.integer({ min: 1, max: 9_999 })),
        temperature: fc.option(fc.double({ min: 0, max: 2, noNaN: true })),
        seed: fc.option(fc.integer()),
        stop: fc.array(fc.string({ minLength: 1, maxLength: 9 }), { maxLength: 4 }),
        stream: fc.boolean(),
        tools: fc.constantFrom(null, tools),
        tool_choice: fc.constantFrom('auto', 'none', choice),
        parallel_tool_calls: fc.boolean(),
        response_format: fc.constantFrom(null, { type: 'json_object' }),
        logit_bias: fc.constantFrom(null, { 5: -1 }),
        frequency_penalty: fc.constantFrom(null, 0.5),
        top_k: fc.constantFrom(null, 3),
        n: fc.constantFrom(null, 2),
        reasoning_effort: fc.constantFrom(null, 'none'),
      }),
      (list, more) => {
        const given = { model: 'm', messages: list, ...more };
        if (more.tools === null && more.tool_choice === choice) return;
        const asked = readCompletion('chat', given);
        const again = readCompletion('chat', JSON.parse(JSON.stringify(toRequestBody(asked))));
        assert.deepEqual(again, asked);
      },
    ),
  );
});

it('limits the answer to what fits the context, and keeps a requested limit', () => {
  const asked = readCompletion('chat', chat());
  assert.equal(answerTokensMax({ ...asked, maxTokens: 5_000 }, 2_048), 5_000);
  for (const contextTokens of [64, 256, 2_048, 131_072]) {
    const tokens = answerTokensMax(asked, contextTokens);
    assert.ok(tokens >= 1 && tokens <= contextTokens / 2 && tokens <= 1_024, String(tokens));
  }
});

it('refuses any kind of value in a schema’s keywords instead of failing', () => {
  const withSchema = (schema: object, strict = true) =>
    chat({ response_format: { type: 'json_schema', json_schema: { name: 'x', schema, strict } } });
  const tools = (parameters: object) =>
    chat({ tools: [{ type: 'function', function: { name: 'f', parameters, strict: true } }] });
  const required = { type: 'object', properties: {}, required: [{ toString: null }] };
  assert.equal(refusal('chat', tools(required)).code, 'invalid_json_schema');
  const kind = { type: { toString: null } };
  assert.equal(
    refusal('chat', tools({ type: 'object', properties: { a: kind } })).code,
    'invalid_json_schema',
  );
  for (const format of ['constructor', '__proto__', 'toString']) {
    const schema = { type: 'string', format };
    assert.throws(
      () => schemaGrammar(schema, true),
      (error) => isAppError(error, 'bad-request'),
    );
    assert.equal(schemaGrammar(schema, false), schemaGrammar({ type: 'string' }, false), format);
    readCompletion('chat', withSchema(schema, false));
  }
});

it('a failure has a status, regardless of the code that its provider gave it', () => {
  for (const code of ['constructor', '__proto__', 'toString', 'x']) {
    const failure = new AppError('bad-request', 'No.', { details: { code } });
    assert.equal(toOpenAiError(failure).status, 400, code);
  }
});
