/** Answers in the format of OpenAI's Responses API: typed events that build up output items, or the whole response. */
import type { AnswerEnd, AnswerFormat, AnswerHead } from './answer-format.ts';
import { type AnswerPiece, joinPieces } from './answer-pieces.ts';
import type { Usage } from './openai-chunks.ts';

type Item = Record<string, unknown> & { readonly type: string };

/** The output item that is being written, with its position and text so far. */
interface OpenItem {
  readonly kind: 'message' | 'reasoning' | 'function_call';
  readonly id: string;
  readonly outputIndex: number;
  readonly callIndex: number;
  readonly callId: string;
  readonly name: string;
  text: string;
}

export function responsesFormat(head: AnswerHead): AnswerFormat {
  const stream = new ResponseStream(head);
  return {
    opening: () => stream.opening(),
    piece: (piece) => stream.piece(piece),
    closing: (end) => stream.closing(end),
    whole: (pieces, end) => wholeResponse(head, pieces, end),
    failure: ({
      body: {
        error: { code, message, param },
      },
    }) => stream.event('error', { code, message, param }),
  };
}

class ResponseStream {
  readonly #head: AnswerHead;
  readonly #done: Item[] = [];
  #sequence = 0;
  #open: OpenItem | null = null;

  constructor(head: AnswerHead) {
    this.#head = head;
  }

  event(type: string, fields: Record<string, unknown>): string {
    const data = { type, sequence_number: this.#sequence, ...fields };
    this.#sequence += 1;
    return `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
  }

  opening(): string {
    const response = responseBody(this.#head, 'in_progress', [], null);
    return this.event('response.created', { response }) + this.event('response.in_progress', { response });
  }

  piece(piece: AnswerPiece): string {
    if (piece.reasoning !== undefined) return this.#textDelta('reasoning', piece.reasoning);
    if (piece.toolCalls === undefined) return piece.text === '' ? '' : this.#textDelta('message', piece.text);
    return piece.toolCalls
      .map(({ index, id, name, arguments: part }) => {
        const begins = this.#open?.kind !== 'function_call' || this.#open.callIndex !== index;
        const opened = begins ? this.#close() + this.#begin('function_call', { index, id, name }) : '';
        return opened + this.#append(part);
      })
      .join('');
  }

  closing(end: AnswerEnd): string {
    const closed = this.#close();
    const status = statusOf(end);
    const response = responseBody(this.#head, status, this.#done, end.usage);
    return `${closed}${this.event(`response.${status}`, { response })}data: [DONE]\n\n`;
  }

  #textDelta(kind: 'message' | 'reasoning', text: string): string {
    const opened = this.#open?.kind === kind ? '' : this.#close() + this.#begin(kind);
    return opened + this.#append(text);
  }

  #begin(
    kind: OpenItem['kind'],
    call?: { index: number; id?: string | undefined; name?: string | undefined },
  ): string {
    const outputIndex = this.#done.length;
    const id = itemId(this.#head, kind, outputIndex);
    const open = {
      kind,
      id,
      outputIndex,
      callIndex: call?.index ?? -1,
      callId: call?.id ?? id,
      name: call?.name ?? '',
    };
    this.#open = { ...open, text: '' };
    const item = itemOf(this.#open, 'in_progress');
    const added = this.event('response.output_item.added', { output_index: outputIndex, item });
    if (kind === 'function_call') return added;
    return added + this.event('response.content_part.added', { ...this.#place(), part: partOf(this.#open) });
  }

  #append(delta: string): string {
    const open = this.#open;
    if (open === null || delta === '') return '';
    open.text += delta;
    if (open.kind === 'function_call') {
      const { id: item_id, outputIndex: output_index } = open;
      return this.event('response.function_call_arguments.delta', { item_id, output_index, delta });
    }
    const more = open.kind === 'message' ? { logprobs: [] } : {};
    return this.event(`response.${textKind(open)}.delta`, { ...this.#place(), delta, ...more });
  }

  #close(): string {
    const open = this.#open;
    if (open === null) return '';
    const item = itemOf(open, 'completed');
    const ended = this.#endOf(open);
    this.#done.push(item);
    this.#open = null;
    return ended + this.event('response.output_item.done', { output_index: open.outputIndex, item });
  }

  #endOf(open: OpenItem): string {
    if (open.kind === 'function_call') {
      const { id: item_id, outputIndex: output_index, name, text } = open;
      return this.event('response.function_call_arguments.done', {
        item_id,
        output_index,
        name,
        arguments: text,
      });
    }
    const more = open.kind === 'message' ? { logprobs: [] } : {};
    const textDone = this.event(`response.${textKind(open)}.done`, {
      ...this.#place(),
      text: open.text,
      ...more,
    });
    return textDone + this.event('response.content_part.done', { ...this.#place(), part: partOf(open) });
  }

  #place(): Record<string, unknown> {
    return { item_id: this.#open?.id, output_index: this.#open?.outputIndex, content_index: 0 };
  }
}

function textKind({ kind }: OpenItem): string {
  return kind === 'message' ? 'output_text' : 'reasoning_text';
}

function partOf({ kind, text }: Pick<OpenItem, 'kind' | 'text'>): Record<string, unknown> {
  return kind === 'message'
    ? { type: 'output_text', text, annotations: [], logprobs: [] }
    : { type: 'reasoning_text', text };
}

function itemOf(open: OpenItem, status: 'in_progress' | 'completed'): Item {
  const { kind, id, callId, name, text } = open;
  if (kind === 'function_call') return { type: kind, id, call_id: callId, name, arguments: text, status };
  const content = status === 'in_progress' ? [] : [partOf(open)];
  if (kind === 'reasoning') return { type: kind, id, summary: [], content, status };
  return { type: kind, id, role: 'assistant', content, status };
}

function itemId({ jobId }: AnswerHead, kind: OpenItem['kind'], position: number): string {
  const prefix = { message: 'msg', reasoning: 'rs', function_call: 'fc' }[kind];
  return `${prefix}_${jobId}_${position}`;
}

function statusOf({ finishReasons: [reason] }: AnswerEnd): 'completed' | 'incomplete' {
  return reason === 'length' ? 'incomplete' : 'completed';
}

function wholeResponse(
  head: AnswerHead,
  pieces: readonly AnswerPiece[],
  end: AnswerEnd,
): Record<string, unknown> {
  const { text, reasoning, toolCalls } = joinPieces(pieces);
  const items: Item[] = [];
  function add(kind: OpenItem['kind'], written: string, call = { id: '', name: '' }): void {
    const outputIndex = items.length;
    const id = itemId(head, kind, outputIndex);
    const open = { kind, id, outputIndex, callIndex: 0, callId: call.id, name: call.name, text: written };
    items.push(itemOf(open, 'completed'));
  }
  if (reasoning !== '') add('reasoning', reasoning);
  if (text !== '' || toolCalls.length === 0) add('message', text);
  for (const call of toolCalls) add('function_call', call.arguments, call);
  return responseBody(head, statusOf(end), items, end.usage);
}

function responseBody(
  { asked, jobId, createdAtS }: AnswerHead,
  status: 'in_progress' | 'completed' | 'incomplete',
  output: readonly Item[],
  usage: Usage | null,
): Record<string, unknown> {
  const tools = asked.prompt.kind === 'chat' ? (asked.prompt.tools ?? []) : [];
  return {
    id: `resp_${jobId}`,
    object: 'response',
    created_at: createdAtS,
    status,
    error: null,
    incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
    instructions: null,
    max_output_tokens: asked.maxTokens,
    model: asked.model,
    output,
    parallel_tool_calls: !(asked.prompt.kind === 'chat' && asked.prompt.isSingleCall),
    previous_response_id: null,
    store: false,
    temperature: asked.temperature,
    text: { format: { type: asked.json === null ? 'text' : `json_${asked.json.kind}` } },
    tool_choice: 'auto',
    tools: tools.map((tool) => ({ type: 'function', parameters: {}, strict: false, ...tool })),
    top_p: asked.topP,
    truncation: 'disabled',
    metadata: {},
    usage: usage && {
      input_tokens: usage.prompt_tokens,
      input_tokens_details: { cached_tokens: usage.prompt_tokens_details?.cached_tokens ?? 0 },
      output_tokens: usage.completion_tokens,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: usage.total_tokens,
    },
  };
}
