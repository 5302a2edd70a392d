/**
 * Verifies: a request is parsed with OpenAI's meaning, or rejected with the name of its parameter.
 * Setup: examples and properties.
 * Fails if: a parameter is silently ignored, a client's harmless default is rejected, buyer and provider compute
 * different ceilings.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { isAppError } from '../../../shared/errors.ts';
import { answerTokensMax, readCompletion, textsOf, toRequestBody } from '../../../shared/openai.ts';
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
    prompt: { kind: 'chat', messages: [{ role: 'user', content: 'Hello' }] },
    model: 'm',
    maxTokens: null,
    temperature: 1,
    topP: 1,
    seed: null,
    stop: [],
    stream: false,
    includeUsage: false,
    returnTokenIds: false,
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
  assert.equal(refusal('text', { model: 'm', prompt: 'x', ...continuing }).code, 'unknown_parameter');
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
  const cases: [object, string][] = [
    [{ n: 2 }, 'n'],
    [{ presence_penalty: 0.5 }, 'presence_penalty'],
    [{ logit_bias: { 5: 1 } }, 'logit_bias'],
    [{ logprobs: true }, 'logprobs'],
    [{ response_format: { type: 'json_object' } }, 'response_format'],
    [{ tools: [{ type: 'function', function: { name: 'f' } }] }, 'tools'],
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
    [{ messages: [{ role: 'tool', content: 'x' }] }, 'messages.0.role'],
    [{ messages: [{ role: 'user', content: [{ type: 'image_url', image_url: {} }] }] }, 'messages.0.content'],
    [{ messages: [{ role: 'user', content: 'x', name: 'n' }] }, 'messages.0.name'],
    [{ stream_options: { other: 1 } }, 'stream_options.other'],
  ];
  for (const [more, param] of cases) assert.equal(refusal('chat', chat(more)).param, param);
  assert.equal(refusal('text', { model: 'm', prompt: ['a', 'b'] }).param, 'prompt');
  assert.equal(refusal('text', { model: 'm', prompt: 'a', echo: true }).param, 'echo');
  assert.equal(refusal('text', { model: 'm', prompt: 'a', messages: [] }).param, 'messages');
  for (const body of [null, 5, [], 'x']) assert.equal(refusal('chat', body).code, 'invalid_body');
});

it('rejects every unknown parameter (property)', () => {
  const known = new Set(Object.keys(toRequestBody(readCompletion('chat', chat({ stop: 'x', seed: 1 })))));
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z_]{3,20}$/), fc.jsonValue(), (name, value) => {
      if (known.has(name)) return;
      const body = chat({ [name]: value });
      try {
        readCompletion('chat', body);
        // Accepted, so it must be one of the harmless parameters listed below.
        assert.ok(harmlessNames.has(name), name);
      } catch (error) {
        assert.ok(isAppError(error, 'bad-request'));
        assert.ok(String(error.details.param).startsWith(name));
      }
    }),
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
    fc.record({ role: fc.constantFrom('system', 'user', 'assistant'), content: fc.string() }),
    { minLength: 1, maxLength: 5 },
  );
  fc.assert(
    fc.property(
      messages,
      fc.record({
        max_tokens: fc.option(fc.integer({ min: 1, max: 9_999 })),
        temperature: fc.option(fc.double({ min: 0, max: 2, noNaN: true })),
        seed: fc.option(fc.integer()),
        stop: fc.array(fc.string({ minLength: 1, maxLength: 9 }), { maxLength: 4 }),
        stream: fc.boolean(),
      }),
      (list, more) => {
        const asked = readCompletion('chat', { model: 'm', messages: list, ...more });
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

const harmlessNames = new Set(
  (
    'n user store tools audio logprobs metadata functions verbosity logit_bias modalities prediction ' +
    'tool_choice service_tier top_logprobs function_call stream_options response_format presence_penalty ' +
    'reasoning_effort prompt_cache_key frequency_penalty safety_identifier web_search_options ' +
    'parallel_tool_calls max_completion_tokens seed stop stream top_p'
  ).split(' '),
);
