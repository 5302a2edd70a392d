/** Chat template of a model: turns a prompt into tokens. */
import {
  type ChatHistoryItem,
  type ChatWrapper,
  JinjaTemplateChatWrapper,
  type LlamaModel,
  resolveChatWrapper,
  type Token,
} from 'node-llama-cpp';
import type { Prompt } from '../../ports/engine.ts';

/** Returns the tokens of a prompt, and the tokens that end a response in addition to the model's own. */
export type Template = (prompt: Prompt) => { tokens: Token[]; ends: Set<Token> };

export function createTemplate(model: LlamaModel): Template {
  const wrapper = chatWrapper(model);
  const { bos, shouldPrependBosToken } = model.tokens;
  const withBos = (tokens: Token[]) =>
    shouldPrependBosToken && bos !== null && tokens[0] !== bos ? [bos, ...tokens] : tokens;
  return (prompt) => {
    if (prompt.kind === 'text') return { tokens: withBos(model.tokenize(prompt.text)), ends: new Set() };
    const history = prompt.messages.map((message): ChatHistoryItem => {
      if (message.role === 'assistant') return { type: 'model', response: [message.content] };
      return { type: message.role, text: message.content };
    });
    // The wrapper leaves the last message of the model open for continuation: a new, empty one or the unfinished one.
    if (!prompt.continuesLast) history.push({ type: 'model', response: [] });
    const state = wrapper.generateContextState({ chatHistory: history });
    const ends = new Set<Token>();
    for (const trigger of state.stopGenerationTriggers) {
      const [token, ...more] = trigger.tokenize(model.tokenizer);
      if (token !== undefined && more.length === 0 && model.isSpecialToken(token)) ends.add(token);
    }
    // Only the template's own text may become special tokens; user text stays plain text.
    return { tokens: withBos(state.contextText.tokenize(model.tokenizer)), ends };
  };
}

/** Returns the model's own template, or the wrapper of its family if the template is missing or broken. */
function chatWrapper(model: LlamaModel): ChatWrapper {
  const template = model.fileInfo.metadata.tokenizer?.chat_template;
  if (template) {
    try {
      return new JinjaTemplateChatWrapper({ template, tokenizer: model.tokenizer });
    } catch {
      // Uses the wrapper of the family below.
    }
  }
  return resolveChatWrapper(model, { noJinja: true, warningLogs: false });
}
