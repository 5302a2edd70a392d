/**
 * Entry of the process that recounts bought responses: it loads the vocabulary of a model file, never its weights, in the
 * same sandbox as the engine, and exits when the parent is gone.
 */
import { getLlama, type Llama, type LlamaModel } from 'node-llama-cpp';
import { writtenText } from '../../../shared/answer-pieces.ts';
import { createInOrder } from '../../../shared/in-order.ts';
import { refuseDebugger } from '../../ports/no-debugger.ts';
import { createTemplate, type Template } from './chat-template.ts';
import { createResponseText, type ResponseText } from './response-text.ts';
import { enterSandbox } from './sandbox.ts';
import { type RecountCommand, type RecountReport, recountCommandSchema } from './vocabulary-messages.ts';

refuseDebugger();

interface Vocabulary {
  readonly path: string;
  readonly model: LlamaModel;
  readonly template: Template;
}

let llama: Llama | null = null;
let current: Vocabulary | null = null;
const inOrder = createInOrder();

process.on('message', (message) => {
  // An invalid command is a bug of the parent: throws, which ends the process.
  const command = recountCommandSchema.parse(message);
  const counted = inOrder(async () => recount(await open(command.path), command));
  const report = (answer: RecountReport) => void process.send?.(answer);
  counted.then(
    (counts) => report({ id: command.id, counted: counts }),
    // The texts of foreign errors could quote a prompt; without a count, nothing is checked.
    () => report({ id: command.id, counted: null }),
  );
});

// The channel closes when the parent ends: no result is needed any more.
process.on('disconnect', () => process.exit(0));

async function open(path: string): Promise<Vocabulary> {
  if (current?.path === path) return current;
  if (llama === null) {
    llama = await getLlama({ build: 'never', gpu: false, progressLogs: false, logger: () => {} });
    enterSandbox();
  }
  await current?.model.dispose();
  current = null;
  const model = await llama.loadModel({ modelPath: path, vocabOnly: true });
  current = { path, model, template: createTemplate(model) };
  return current;
}

function recount({ model, template }: Vocabulary, command: RecountCommand): RecountReport['counted'] {
  const { prompt, tokens, text, stop } = command;
  const tokenized = template.tokenize(prompt);
  const answer = () => createResponseText({ model, template, prompt, tokenized, stop });
  return {
    inputTokens: tokenized.tokens.length,
    outputText: textOf(model, tokens, answer()),
    textTokens: model.tokenize(text).length,
  };
}

/** Renders the tokens as the engine of an honest provider does; null for tokens that the vocabulary doesn't have. */
function textOf(model: LlamaModel, tokens: readonly number[], answer: ResponseText): string | null {
  const vocabulary = model.fileInfo.metadata.tokenizer.ggml.tokens.length;
  if (tokens.some((token) => token >= vocabulary)) return null;
  const pieces = tokens.flatMap((token) => answer.push(token).pieces);
  return [...pieces, ...answer.flush(false)].map(writtenText).join('');
}
