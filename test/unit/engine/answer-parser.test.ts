/**
 * Verifies: what a model writes is separated into text, thoughts and calls, however it is cut into tokens.
 * Setup: answers in each model's format, cut at random (property), and broken ones.
 * Fails if: a mark reaches the client, a call is lost or text taken for one, or tokens and text go apart.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type AnswerParser,
  createAnswerParser,
  type ParsedPiece,
  type ParserOptions,
} from '../../../main/adapters/llama/answer-parser.ts';
import { joinPieces, writtenText } from '../../../shared/answer-pieces.ts';

const PLAIN: ParserOptions = {
  format: null,
  names: ['weather', 'time'],
  isTextParameter: (_name, key) => key === 'city',
  reasons: false,
  isThinking: false,
  continues: false,
};

/** Cuts a text at these places, each cut one token. */
function cut(text: string, sizes: readonly number[]): { text: string; tokens: number[] }[] {
  const pieces = [];
  for (let at = 0, index = 0; at < text.length; index += 1) {
    const size = sizes[index % sizes.length] ?? 1;
    pieces.push({ text: text.slice(at, at + size), tokens: [index] });
    at += size;
  }
  return pieces;
}

function parse(options: Partial<ParserOptions>, text: string, sizes: readonly number[] = [1]) {
  const parser = createAnswerParser({ ...PLAIN, ...options });
  const pieces = [...cut(text, sizes).flatMap((piece) => parser.push(piece)), ...parser.flush()];
  return { ...summary(pieces), pieces, parser };
}

function summary(pieces: readonly ParsedPiece[]) {
  const { text, reasoning, toolCalls, tokens } = joinPieces(pieces);
  const calls = toolCalls.map(({ name, arguments: given }) => [name, given]);
  return { text, reasoning, calls, tokens };
}

const CALL = '{"name": "weather", "arguments": {"city": "Köln \\"}", "days": [1, {"a": 2}]}}';
const ARGUMENTS = '{"city": "Köln \\"}", "days": [1, {"a": 2}]}';
const WRITTEN: readonly [string, Partial<ParserOptions>, string, object][] = [
  ['plain text', {}, 'Hello <tool_call> {', { text: 'Hello <tool_call> {', reasoning: '', calls: [] }],
  [
    'one call of Hermes',
    { format: 'hermes' },
    `<tool_call>\n${CALL}\n</tool_call>`,
    { text: '', reasoning: '', calls: [['weather', ARGUMENTS]] },
  ],
  [
    'text, two calls and text of Hermes',
    { format: 'hermes' },
    `I look.\n<tool_call>\n${CALL}\n</tool_call>\n<tool_call>\n{"name":"time","arguments":{}}\n</tool_call>Done`,
    {
      text: 'I look.\nDone',
      reasoning: '',
      calls: [
        ['weather', ARGUMENTS],
        ['time', '{}'],
      ],
    },
  ],
  [
    'arguments as a text',
    { format: 'hermes' },
    '<tool_call>{"name": "time", "arguments": "{\\"zone\\": 1}"}</tool_call>',
    { text: '', reasoning: '', calls: [['time', '{"zone": 1}']] },
  ],
  [
    'a mark without a call',
    { format: 'hermes' },
    '<tool_call>\n[1]</tool_call>',
    { text: '<tool_call>\n[1]</tool_call>', reasoning: '', calls: [] },
  ],
  [
    'a list of Mistral',
    { format: 'mistral' },
    `[TOOL_CALLS][${CALL}, {"name": "time", "arguments": {}}]`,
    {
      text: '',
      reasoning: '',
      calls: [
        ['weather', ARGUMENTS],
        ['time', '{}'],
      ],
    },
  ],
  [
    'marked arguments of Mistral',
    { format: 'mistral-args' },
    `[TOOL_CALLS]weather[ARGS]${ARGUMENTS}[TOOL_CALLS]time[ARGS]{}`,
    {
      text: '',
      reasoning: '',
      calls: [
        ['weather', ARGUMENTS],
        ['time', '{}'],
      ],
    },
  ],
  [
    'JSON of Llama 3',
    { format: 'llama3' },
    CALL.replace('arguments', 'parameters'),
    { text: '', reasoning: '', calls: [['weather', ARGUMENTS]] },
  ],
  [
    'two of Llama 3 behind its mark',
    { format: 'llama3' },
    `<|python_tag|>${CALL}; {"name": "time", "parameters": {}}`,
    {
      text: '',
      reasoning: '',
      calls: [
        ['weather', ARGUMENTS],
        ['time', '{}'],
      ],
    },
  ],
  [
    'parameters of Qwen3-Coder',
    { format: 'xml' },
    'I look.\n<tool_call>\n<function=weather>\n<parameter=city>\nKöln "}\n</b>\n\n</parameter>\n<parameter=days>\n[1, {"a": 2}]\n</parameter>\n</function>\n</tool_call>',
    {
      text: 'I look.\n',
      reasoning: '',
      calls: [['weather', '{"city": "Köln \\"}\\n</b>\\n", "days": [1, {"a": 2}]}']],
    },
  ],
  [
    'two of Qwen3-Coder, one without the outer mark and one without parameters',
    { format: 'xml' },
    '<function=weather><parameter=days>3</parameter><parameter=isNow>True</parameter><parameter=more>so, so</parameter>' +
      '<parameter=city></parameter></function>\n<tool_call>\n<function=time>\n</function>\n</tool_call>Done',
    {
      text: 'Done',
      reasoning: '',
      calls: [
        ['weather', '{"days": 3, "isNow": true, "more": "so, so", "city": ""}'],
        ['time', '{}'],
      ],
    },
  ],
  [
    'JSON between the marks of Qwen3-Coder',
    { format: 'xml' },
    `<tool_call>\n${CALL}\n</tool_call>`,
    { text: '', reasoning: '', calls: [['weather', ARGUMENTS]] },
  ],
  [
    'a mark of Qwen3-Coder without a call',
    { format: 'xml' },
    '<tool_call>a <function=b</tool_call>',
    { text: '<tool_call>a <function=b</tool_call>', reasoning: '', calls: [] },
  ],
  [
    'JSON that is an answer',
    { format: 'generic' },
    '{"city": "Köln"}',
    { text: '{"city": "Köln"}', reasoning: '', calls: [] },
  ],
  [
    'JSON of no tool',
    { format: 'generic' },
    '{"name": "Ada", "arguments": {"age": 36}}',
    { text: '{"name": "Ada", "arguments": {"age": 36}}', reasoning: '', calls: [] },
  ],
  [
    'thoughts',
    { reasons: true },
    '<think>\nHm, a < b.\n</think>\n\nYes.',
    { text: 'Yes.', reasoning: 'Hm, a < b.\n', calls: [] },
  ],
  [
    'thoughts that the prompt began, and a call',
    { reasons: true, isThinking: true, format: 'hermes' },
    `Hm.</think>\n<tool_call>\n${CALL}\n</tool_call>`,
    { text: '', reasoning: 'Hm.', calls: [['weather', ARGUMENTS]] },
  ],
  ['no thoughts', { reasons: true }, 'Yes < no.', { text: 'Yes < no.', reasoning: '', calls: [] }],
  [
    'a continued answer',
    { reasons: true, format: 'llama3', continues: true },
    ' {"a": 1}',
    { text: ' {"a": 1}', reasoning: '', calls: [] },
  ],
];

describe('answer parser', () => {
  for (const [title, options, written, expected] of WRITTEN) {
    it(`reads ${title}, wherever it is cut (property)`, () => {
      fc.assert(
        fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 40 }), (sizes) => {
          const { pieces, parser, tokens, ...read } = parse(options, written, sizes);
          assert.deepEqual(read, expected);
          assert.deepEqual(
            tokens,
            cut(written, sizes).map((_, index) => index),
            'each token once, in order',
          );
          assert.equal(parser.completeCalls(), (expected as { calls: unknown[] }).calls.length);
        }),
      );
    });
  }

  it('passes on tokens and text together: the tokens so far make the text so far (property)', () => {
    const parts = fc.constantFrom(
      ...WRITTEN.flatMap(([, , text]) => text.split(/(?<=[>\n])|(?=[<\n{}])/)),
      '\n',
      '</',
      ' ',
    );
    const mixed = fc.array(parts, { maxLength: 40 }).map((chosen) => chosen.join(''));
    const texts = fc.oneof(fc.constantFrom(...WRITTEN.map(([, , text]) => text)), mixed, fc.string());
    const formats = fc.constantFrom('hermes', 'mistral', 'mistral-args', 'llama3', 'generic', 'xml', null);
    fc.assert(
      fc.property(
        texts,
        formats,
        fc.boolean(),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        (...given) => {
          const [text, format, reasons, sizes] = given;
          const options = { ...PLAIN, format, reasons } as ParserOptions;
          const parser = createAnswerParser(options);
          const pieces = cut(text, sizes);
          let written = '';
          let taken = 0;
          for (const piece of pieces) {
            for (const parsed of parser.push(piece)) {
              written += writtenText(parsed);
              taken += parsed.tokens.length;
            }
            assert.equal(rendered(createAnswerParser(options), pieces.slice(0, taken)), written);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('ends a call that an answer breaks off, with what it has', () => {
    const broken = parse({ format: 'hermes' }, '<tool_call>\n{"name": "weather", "arguments": {"city": "Kö');
    assert.deepEqual(broken.calls, [['weather', '{"city": "Kö']]);
    assert.equal(broken.parser.completeCalls(), 0);
    assert.deepEqual(parse({ format: 'hermes' }, 'a<tool_call>\n{"na').text, 'a<tool_call>\n{"na');
  });

  it('streams the arguments before they are complete', () => {
    const parser = createAnswerParser({ ...PLAIN, format: 'hermes' });
    const begun = parser.push({ text: '<tool_call>{"name": "time", "arguments": {"zone": "E', tokens: [1] });
    assert.deepEqual(summary(begun).calls, [['time', '{"zone": "E']]);
    assert.deepEqual(summary(parser.push({ text: 'urope', tokens: [2] })).calls, [['', 'urope']]);
  });

  it('takes no more than 64 calls, and holds no more than a name’s length', () => {
    const many = parse({ format: 'hermes' }, `<tool_call>${CALL}</tool_call>`.repeat(70), [50]);
    assert.equal(many.calls.length, 64);
    const parser = createAnswerParser({ ...PLAIN, format: 'hermes' });
    const held = parser.push({ text: `<tool_call>{"name": "${'x'.repeat(3_000)}`, tokens: [1] });
    assert.ok(summary(held).text.length > 3_000);
  });
});

describe('parameters in XML', () => {
  it('ends a call that an answer breaks off, with what it has', () => {
    const begun = '<tool_call>\n<function=weather>\n<parameter=city>\nKö\n</param';
    const broken = parse({ format: 'xml' }, begun);
    assert.deepEqual(broken.calls, [['weather', '{"city": "Kö']]);
    assert.equal(broken.parser.completeCalls(), 0);
    assert.deepEqual(parse({ format: 'xml' }, '<function=weather>\n<param').calls, [['weather', '']]);
  });

  it('streams a long text before it is complete, and another value once it is too long for a word', () => {
    const parser = createAnswerParser({ ...PLAIN, format: 'xml' });
    const push = (...texts: string[]) =>
      summary(texts.flatMap((text) => parser.push({ text, tokens: [1] }))).calls;
    assert.deepEqual(push('<function=weather>', '<parameter=city>', 'a "1"\nb'), [
      ['weather', '{"city": "a \\"1\\"\\nb'],
    ]);
    assert.deepEqual(push(' c', '\n</para'), [['', ' c']]);
    assert.deepEqual(push('meter>', '<parameter=days>', '[1, 2'), [['', '", "days": [1, 2']]);
    assert.deepEqual(push(']', '</parameter>', '<parameter=more>'), [['', '], "more": ']]);
    assert.deepEqual(push('x'.repeat(250)), [['', `"${'x'.repeat(250)}`]]);
  });
});

function rendered(parser: AnswerParser, pieces: readonly { text: string; tokens: number[] }[]): string {
  return [...pieces.flatMap((piece) => parser.push(piece)), ...parser.flush()].map(writtenText).join('');
}
