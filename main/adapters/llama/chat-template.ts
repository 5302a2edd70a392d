/** Chat template of a model: turns a prompt, with its tools, into tokens. */
import { randomBytes } from 'node:crypto';
import { Template as Jinja } from '@huggingface/jinja';
import {
  type ChatHistoryItem,
  type ChatWrapper,
  JinjaTemplateChatWrapper,
  type LlamaModel,
  LlamaText,
  resolveChatWrapper,
  SpecialTokensText,
  type Token,
} from 'node-llama-cpp';
import { AppError } from '../../../shared/errors.ts';
import { TEMPLATE_REJECTED } from '../../../shared/openai-errors.ts';
import type { Prompt } from '../../ports/engine.ts';
import { embeddingTokens } from './embedding-tokens.ts';
import { createPlaceholders, type Placeholders } from './placeholders.ts';
import { type MessageRoles, templateMessages, templateTools } from './template-messages.ts';
import { detectFormat, type ToolFormat } from './tool-format.ts';

export interface TokenizedPrompt {
  readonly tokens: Token[];
  /** Tokens that end a response in addition to the model's own. */
  readonly ends: Set<Token>;
  /** True if the prompt ends inside of the model's thoughts. */
  readonly isThinking: boolean;
}

export interface Template {
  /** Fails with `bad-request` if the template rejects the messages. */
  tokenize(prompt: Prompt): TokenizedPrompt;
  /** The form in which the model calls tools; null if its template has none. */
  readonly tools: ToolFormat | null;
  /** True if the model thinks before it answers. */
  readonly reasons: boolean;
}

type ChatPrompt = Extract<Prompt, { kind: 'chat' }>;

export function createTemplate(model: LlamaModel): Template {
  const { bos, shouldPrependBosToken } = model.tokens;
  const withBos = (tokens: Token[]) =>
    shouldPrependBosToken && bos !== null && tokens[0] !== bos ? [bos, ...tokens] : tokens;
  const rendering = createRendering(model);
  return {
    tools: rendering.tools,
    reasons: rendering.reasons,
    tokenize(prompt) {
      if (prompt.kind === 'text') {
        return { tokens: withBos(model.tokenize(prompt.text)), ends: new Set(), isThinking: false };
      }
      if (prompt.kind === 'embed') {
        const tokens = prompt.texts.flatMap((text) => embeddingTokens(model, text));
        return { tokens, ends: new Set(), isThinking: false };
      }
      const { text, isThinking } = rendering.render(prompt);
      return { tokens: withBos(text.tokenize(model.tokenizer)), ends: rendering.ends, isThinking };
    },
  };
}

interface Rendering {
  render(prompt: ChatPrompt): { readonly text: LlamaText; readonly isThinking: boolean };
  readonly ends: Set<Token>;
  readonly tools: ToolFormat | null;
  readonly reasons: boolean;
}

/** Uses the model's own template, or the wrapper of its family if the template is missing or broken. */
function createRendering(model: LlamaModel): Rendering {
  const template = model.fileInfo.metadata.tokenizer?.chat_template;
  if (template) {
    try {
      const wrapper = new JinjaTemplateChatWrapper({ template, tokenizer: model.tokenizer });
      return createOwnRendering(model, template, endsOf(model, wrapper));
    } catch {
      // Uses the wrapper of the family below.
    }
  }
  const wrapper = resolveChatWrapper(model, { noJinja: true, warningLogs: false });
  const render: Rendering['render'] = (prompt) => {
    const { contextText } = wrapper.generateContextState({ chatHistory: historyOf(prompt) });
    return { text: contextText, isThinking: false };
  };
  return { render, ends: endsOf(model, wrapper), tools: null, reasons: false };
}

/** Tokens that a template writes after an answer. */
function endsOf(model: LlamaModel, wrapper: ChatWrapper): Set<Token> {
  const ends = new Set<Token>();
  const chatHistory: ChatHistoryItem[] = [
    { type: 'user', text: 'Hello' },
    { type: 'model', response: [] },
  ];
  for (const trigger of wrapper.generateContextState({ chatHistory }).stopGenerationTriggers) {
    const [token, ...more] = trigger.tokenize(model.tokenizer);
    if (token !== undefined && more.length === 0 && model.isSpecialToken(token)) ends.add(token);
  }
  return ends;
}

/** The conversation for a wrapper that has no tools: their results become messages of the user. */
function historyOf({ messages, continuesLast }: ChatPrompt): ChatHistoryItem[] {
  const history = messages.map(({ role, content }): ChatHistoryItem => {
    if (role === 'assistant') return { type: 'model', response: [content] };
    return { type: role === 'tool' ? 'user' : role, text: content };
  });
  // The wrapper leaves the last message of the model open for continuation: a new, empty one or the unfinished one.
  if (!continuesLast) history.push({ type: 'model', response: [] });
  return history;
}

/** Ways to give the messages to a template, from the one that changes nothing to the one that most templates take. */
const ROLES: readonly MessageRoles[] = ['as-given', 'merged', 'without-system'];

function createOwnRendering(model: LlamaModel, source: string, ends: Set<Token>): Rendering {
  const jinja = new Jinja(source);
  const special = (token: Token | null) => (token === null ? '' : model.detokenize([token], true));
  const constants = { bos_token: special(model.tokens.bos), eos_token: special(model.tokens.eos) };
  const isRisky = riskOf(model);
  const format = detectFormat(source, (values) => jinja.render({ ...constants, ...values }));
  const reasons = source.includes('<think>');

  function renderAs(prompt: ChatPrompt, roles: MessageRoles, places: Placeholders): string {
    const { continuesLast = false, tools, isUnthinking } = prompt;
    return jinja.render({
      ...constants,
      messages: templateMessages(prompt.messages, { roles, format, places, continuesLast }),
      ...(tools && { tools: templateTools(tools, places) }),
      add_generation_prompt: !continuesLast,
      ...(isUnthinking && { enable_thinking: false }),
    });
  }

  function render(prompt: ChatPrompt): ReturnType<Rendering['render']> {
    const places = createPlaceholders(randomBytes(8).toString('hex'), isRisky);
    const rendered = firstAccepted((roles) => renderAs(prompt, roles, places));
    const text = prompt.continuesLast ? places.untilLast(rendered) : rendered;
    const parts = places
      .split(text)
      .map(({ text: part, isUserText }) => (isUserText ? part : new SpecialTokensText(part)));
    return { text: LlamaText(parts), isThinking: reasons && /<think>\s*$/.test(text) };
  }

  // A template that can't render the simplest conversation is broken.
  render({ kind: 'chat', messages: [{ role: 'user', content: 'Hello' }] });
  return { render, ends, tools: format, reasons };
}

/** Renders with the first way that the template accepts. */
function firstAccepted(render: (roles: MessageRoles) => string): string {
  let failure: unknown;
  for (const roles of ROLES) {
    try {
      return render(roles);
    } catch (error) {
      failure ??= error;
    }
  }
  throw new AppError('bad-request', 'The model’s chat template rejects this sequence of messages.', {
    cause: failure,
    details: { param: 'messages', code: TEMPLATE_REJECTED },
  });
}

const CONTROL_TOKEN = 3;

/** Returns a check whether a text may contain the beginning of a control token; such text must stay plain text. */
function riskOf(model: LlamaModel): (text: string) => boolean {
  const { tokens, token_type: types } = model.fileInfo.metadata.tokenizer.ggml;
  const first = new Set(['<', '[', '|']);
  for (const [index, type] of (types ?? []).entries()) {
    const character = tokens[index]?.[0];
    if (type === CONTROL_TOKEN && character !== undefined) first.add(character);
  }
  return (text) => [...first].some((character) => text.includes(character));
}
