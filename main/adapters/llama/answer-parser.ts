/**
 * Separates what a model writes into text, thoughts and calls of tools, as it streams. Tokens are passed on only when
 * all of the text so far is decided, so that the tokens passed on always make exactly the text passed on, even if the
 * answer breaks off there.
 */
import { randomBytes } from 'node:crypto';
import type { ToolCallDelta } from '../../../shared/answer-pieces.ts';
import { TOOL_CALLS_MAX } from '../../../shared/request-limits.ts';
import type { TextPiece } from './answer-text.ts';
import { partialLength } from './partial-length.ts';
import type { ToolFormat } from './tool-format.ts';
import { MARKS } from './tool-marks.ts';
import { XmlParameters } from './xml-parameters.ts';

/** A piece of one kind: text, thoughts or calls. */
export interface ParsedPiece extends TextPiece {
  readonly reasoning?: string;
  readonly toolCalls?: readonly ToolCallDelta[];
}

export interface AnswerParser {
  /** Adds text with its tokens and returns what is decided. */
  push(piece: TextPiece): readonly ParsedPiece[];
  /** Returns the rest at the end. */
  flush(): readonly ParsedPiece[];
  /** Number of calls that have begun. */
  calls(): number;
  /** Number of calls that are complete. */
  completeCalls(): number;
}

export interface ParserOptions {
  /** Null: the answer has no calls. */
  readonly format: ToolFormat | null;
  /** Names of the tools: JSON without a mark is a call only of one of these. */
  readonly names: readonly string[];
  /** True if the schema of a tool's parameter allows text only. */
  readonly isTextParameter: (name: string, key: string) => boolean;
  readonly reasons: boolean;
  /** True if the prompt ends inside of the thoughts. */
  readonly isThinking: boolean;
  /** True if the answer continues text that has begun. */
  readonly continues: boolean;
}

type State =
  | 'start'
  | 'thinking'
  | 'answer-start'
  | 'text'
  | 'call'
  | 'arguments'
  | 'parameters'
  | 'call-end';

/** A decided part of the answer. */
interface Part {
  readonly text?: string;
  readonly reasoning?: string;
  readonly call?: ToolCallDelta;
}

/** A call whose name isn't found within so many characters is text. */
const CALL_HEAD_CHARACTERS_MAX = 2_000;
const HEAD =
  /^\s*\{\s*(?:"type"\s*:\s*"function"\s*,\s*)?"name"\s*:\s*"((?:[^"\\]|\\.){1,200})"\s*,\s*"(?:arguments|parameters)"\s*:/;
/** Behind the mark of a call, or instead of it. */
const XML_HEAD = /^\s*<function=([\w.-]{1,200})>/;
const ARGS_HEAD = /^\s*([\w.-]{1,200})\s*\[ARGS\]/;

export function createAnswerParser(options: ParserOptions): AnswerParser {
  const machine = new ParserMachine(options);
  let parts: Part[] = [];
  let held: number[] = [];

  function release(): ParsedPiece[] {
    if (held.length === 0 && parts.length === 0) return [];
    const released = assemble(parts, held);
    parts = [];
    held = [];
    return released;
  }

  return {
    push({ text, tokens }) {
      held.push(...tokens);
      parts.push(...machine.push(text));
      return machine.isDecided ? release() : [];
    },
    flush() {
      parts.push(...machine.end());
      return release();
    },
    calls: () => machine.calls,
    completeCalls: () => machine.completeCalls,
  };
}

/** Joins neighboring parts of one kind; the first piece gets the tokens. */
function assemble(parts: readonly Part[], tokens: readonly number[]): ParsedPiece[] {
  const joined: { text: string; reasoning?: string; toolCalls?: ToolCallDelta[] }[] = [];
  for (const { text, reasoning, call } of parts) {
    const last = joined.at(-1);
    if (call !== undefined) {
      if (last?.toolCalls) last.toolCalls.push(call);
      else joined.push({ text: '', toolCalls: [call] });
    } else if (reasoning !== undefined) {
      if (last?.reasoning !== undefined) last.reasoning += reasoning;
      else joined.push({ text: '', reasoning });
    } else if (last && last.reasoning === undefined && !last.toolCalls) {
      last.text += text ?? '';
    } else {
      joined.push({ text: text ?? '' });
    }
  }
  if (joined.length === 0) joined.push({ text: '' });
  return joined.map((piece, index) => ({ ...piece, tokens: index === 0 ? [...tokens] : [] }));
}

class ParserMachine {
  readonly #options: ParserOptions;
  #state: State;
  /** Text that isn't decided yet. */
  #rest = '';
  #parts: Part[] = [];
  /** Length of the mark before the call that is being read; undecided until its name is, since it may be text. */
  #markLength = 0;
  #isMarked = false;
  /** White space before a call or after thoughts belongs to the format. */
  #skipsSpace = false;
  #scan = new JsonScan();
  #xml = new XmlParameters(() => true);
  calls = 0;
  completeCalls = 0;

  constructor(options: ParserOptions) {
    this.#options = options;
    if (options.continues) this.#state = 'text';
    else this.#state = options.isThinking ? 'thinking' : 'start';
    this.#skipsSpace = options.isThinking;
  }

  get isDecided(): boolean {
    return this.#rest === '';
  }

  push(text: string): Part[] {
    this.#rest += text;
    while (this.#step());
    return this.#take();
  }

  end(): Part[] {
    if (this.#state === 'thinking') this.#emit(this.#rest.length, { reasoning: this.#rest });
    else if (['arguments', 'parameters', 'call-end'].includes(this.#state)) this.#endArguments();
    else this.#emit(this.#rest.length, { text: this.#rest });
    return this.#take();
  }

  #take(): Part[] {
    const parts = this.#parts;
    this.#parts = [];
    return parts;
  }

  /** Consumes so many characters, as a part if it has content. */
  #emit(length: number, content: Part): void {
    this.#rest = this.#rest.slice(length);
    if (content.text === '' || content.reasoning === '') return;
    if (content.text === undefined && content.reasoning === undefined && content.call === undefined) return;
    this.#parts.push(content);
  }

  /** Makes one step; false if it needs more text. */
  #step(): boolean {
    if (this.#rest === '') return false;
    switch (this.#state) {
      case 'start':
        return this.#start();
      case 'thinking':
        return this.#thinking();
      case 'answer-start':
        return this.#answerStart();
      case 'text':
        return this.#text();
      case 'call':
        return this.#call();
      case 'arguments':
        return this.#arguments();
      case 'parameters':
        return this.#parameters();
      case 'call-end':
        return this.#callEnd();
    }
  }

  #start(): boolean {
    const { reasons } = this.#options;
    const begun = this.#rest.trimStart();
    if (reasons && MARKS.think.startsWith(begun)) {
      if (begun !== MARKS.think) return false;
      this.#emit(this.#rest.length, {});
      this.#state = 'thinking';
      this.#skipsSpace = true;
      return false;
    }
    if (reasons && begun.startsWith(MARKS.think)) {
      this.#emit(this.#rest.length - begun.length + MARKS.think.length, {});
      this.#state = 'thinking';
      this.#skipsSpace = true;
      return true;
    }
    this.#state = 'answer-start';
    return true;
  }

  #thinking(): boolean {
    if (this.#skipSpace()) return false;
    const end = this.#rest.indexOf(MARKS.endThink);
    if (end < 0) {
      const sure = this.#rest.length - partialLength(this.#rest, [MARKS.endThink]);
      this.#emit(sure, { reasoning: this.#rest.slice(0, sure) });
      return false;
    }
    this.#emit(end, { reasoning: this.#rest.slice(0, end) });
    this.#emit(MARKS.endThink.length, {});
    this.#state = 'answer-start';
    this.#skipsSpace = true;
    return true;
  }

  #answerStart(): boolean {
    if (this.#skipSpace()) return false;
    const { format } = this.#options;
    if (format !== 'llama3' && format !== 'generic') {
      this.#state = 'text';
      return true;
    }
    const begun = this.#rest.trimStart();
    if (begun === '') return false;
    if (MARKS.python.startsWith(begun) && begun !== MARKS.python) return false;
    if (begun.startsWith(MARKS.python)) {
      this.#openCall(this.#rest.length - begun.length + MARKS.python.length, true);
    } else if (begun.startsWith('{') && this.calls < TOOL_CALLS_MAX) {
      this.#openCall(0, false);
    } else {
      this.#state = 'text';
    }
    return true;
  }

  #text(): boolean {
    if (this.#skipSpace()) return false;
    const marks = this.#openingMarks();
    const first = marks
      .map((mark) => ({ mark, at: this.#rest.indexOf(mark) }))
      .filter(({ at }) => at >= 0)
      .sort((a, b) => a.at - b.at)[0];
    if (first === undefined) {
      const sure = this.#rest.length - partialLength(this.#rest, marks);
      this.#emit(sure, { text: this.#rest.slice(0, sure) });
      return false;
    }
    this.#emit(first.at, { text: this.#rest.slice(0, first.at) });
    // The mark of a function is also the beginning of its head.
    this.#openCall(first.mark === MARKS.xmlCall ? 0 : first.mark.length, true);
    return true;
  }

  #openingMarks(): readonly string[] {
    if (this.calls >= TOOL_CALLS_MAX) return [];
    switch (this.#options.format) {
      case 'hermes':
        return [MARKS.toolCall];
      case 'xml':
        return [MARKS.toolCall, MARKS.xmlCall];
      case 'mistral':
      case 'mistral-args':
        return [MARKS.mistralCalls];
      case 'llama3':
      case 'generic':
      case null:
        return [];
    }
  }

  #openCall(markLength: number, isMarked: boolean): void {
    this.#markLength = markLength;
    this.#isMarked = isMarked;
    this.#state = 'call';
  }

  #call(): boolean {
    const { format, names } = this.#options;
    const marked = this.#rest.slice(this.#markLength);
    const body = format === 'mistral' ? marked.replace(/^\s*\[?/, '') : marked;
    const xml = format === 'xml' ? XML_HEAD.exec(body) : null;
    if (xml) {
      this.#begin(xml[1] ?? '', this.#rest.length - body.length + xml[0].length, true);
      return true;
    }
    const match = (format === 'mistral-args' ? ARGS_HEAD : HEAD).exec(body);
    const name = unescaped(match?.[1] ?? '');
    if (match && (this.#isMarked || names.includes(name))) {
      this.#begin(name, this.#rest.length - body.length + match[0].length);
      return true;
    }
    if (!match && this.#mayBecomeCall(body)) return false;
    // Not a call: everything so far is text.
    this.#emit(this.#rest.length, { text: this.#rest });
    this.#state = 'text';
    return false;
  }

  #begin(name: string, length: number, isXml = false): void {
    const id = `call_${randomBytes(12).toString('hex')}`;
    this.#emit(length, { call: { index: this.calls, id, name, arguments: '' } });
    this.calls += 1;
    this.#scan = new JsonScan();
    this.#xml = new XmlParameters((key) => this.#options.isTextParameter(name, key));
    this.#state = isXml ? 'parameters' : 'arguments';
  }

  #mayBecomeCall(body: string): boolean {
    if (body.length > CALL_HEAD_CHARACTERS_MAX) return false;
    if (this.#options.format === 'xml' && /^\s*(<|$)/.test(body)) return mayBecomeXml(body.trimStart());
    if (this.#options.format === 'mistral-args') return /^\s*[\w.-]*\s*(\[A?R?G?S?\]?\s*)?$/.test(body);
    const [, key = ''] = /^\s*\{?\s*(.*)$/s.exec(body) ?? [];
    if (!/^\s*(\{|$)/.test(body)) return false;
    return ['"name"', '"type"'].some((known) => known.startsWith(key) || key.startsWith(known));
  }

  #arguments(): boolean {
    if (!this.#scan.hasBegun) {
      this.#emit(/^\s*/.exec(this.#rest)?.[0].length ?? 0, {});
      if (this.#rest === '') return false;
    }
    const length = this.#scan.take(this.#rest);
    // Arguments that are a text are JSON in a text.
    const isText = this.#scan.isText;
    if (isText && !this.#scan.isComplete) return false;
    const written = this.#rest.slice(0, length);
    this.#emit(length, {
      call: { index: this.calls - 1, arguments: isText ? unescaped(written.slice(1, -1)) : written },
    });
    if (!this.#scan.isComplete) return false;
    this.completeCalls += 1;
    this.#state = 'call-end';
    return true;
  }

  /** Reads parameters in XML as far as they are decided. */
  #parameters(): boolean {
    const read = this.#xml.read(this.#rest);
    if (read === null) return false;
    this.#emitArguments(read.length, read.written);
    if (!this.#xml.isComplete) return true;
    this.completeCalls += 1;
    this.#state = 'call-end';
    return true;
  }

  #emitArguments(length: number, written: string): void {
    this.#emit(length, written === '' ? {} : { call: { index: this.calls - 1, arguments: written } });
  }

  #endArguments(): void {
    if (this.#state === 'call-end') this.#emit(this.#rest.length, {});
    else if (this.#state === 'parameters') this.#emitArguments(this.#rest.length, this.#xml.end(this.#rest));
    else this.#emit(this.#rest.length, { call: { index: this.calls - 1, arguments: this.#rest } });
  }

  /** Consumes the end of a call. All else that follows is text again. */
  #callEnd(): boolean {
    const { format } = this.#options;
    const pattern = CALL_ENDS[format ?? 'generic'];
    const whole = pattern.exec(this.#rest);
    const length = whole?.[0].length ?? 0;
    // An end that may be longer has to wait for the next text.
    if (
      length === this.#rest.length &&
      this.#rest.length < CALL_HEAD_CHARACTERS_MAX &&
      !isEnded(format, this.#rest)
    ) {
      return false;
    }
    const end = this.#rest.slice(0, length);
    this.#emit(length, {});
    this.#skipsSpace = true;
    if (format === 'mistral' && end.includes(',') && this.calls < TOOL_CALLS_MAX) {
      this.#openCall(0, true);
    } else {
      this.#state = format === 'llama3' || format === 'generic' ? 'answer-start' : 'text';
    }
    return true;
  }

  /** Skips white space that belongs to the format; true if nothing is left. */
  #skipSpace(): boolean {
    if (!this.#skipsSpace) return false;
    // Llama 3 separates calls by semicolons.
    const space = (this.calls > 0 ? /^[\s;]*/ : /^\s*/).exec(this.#rest)?.[0].length ?? 0;
    this.#emit(space, {});
    if (this.#rest === '') return true;
    this.#skipsSpace = false;
    return false;
  }
}

/** As {@link CALL_ENDS}, for calls between tags. */
const END_OF_TAGS = /^\s*\}?\s*(<\/tool_call>|<(\/(t(o(o(l(_(c(a(l(l)?)?)?)?)?)?)?)?)?)?$)?/;

/** Text that may follow the arguments of a call, as far as it has arrived. */
const CALL_ENDS: Readonly<Record<ToolFormat, RegExp>> = {
  xml: END_OF_TAGS,
  hermes: END_OF_TAGS,
  mistral: /^\s*\}?\s*[,\]]?/,
  'mistral-args': /^/,
  llama3: /^\s*\}?\s*;?/,
  generic: /^\s*\}?\s*;?/,
};

/** True for the beginning of the head of a call in XML. */
function mayBecomeXml(body: string): boolean {
  return MARKS.xmlCall.startsWith(body) || /^<function=[\w.-]{0,200}$/.test(body);
}

function isEnded(format: ToolFormat | null, end: string): boolean {
  if (format === 'hermes' || format === 'xml') return end.endsWith(MARKS.endToolCall);
  if (format === 'mistral') return /[,\]]$/.test(end);
  return format === 'mistral-args' || end.includes('}');
}

/** Finds the end of a JSON value without parsing it. */
class JsonScan {
  #depth = 0;
  #isString = false;
  #isEscaped = false;
  #first = '';
  isComplete = false;

  get hasBegun(): boolean {
    return this.#first !== '';
  }

  get isText(): boolean {
    return this.#first === '"';
  }

  /** Returns how many characters belong to the value. A text is read from its beginning each time. */
  take(text: string): number {
    if (this.isText) this.#restart();
    for (let index = 0; index < text.length; index += 1) {
      if (this.#end(text[index] ?? '')) return this.#isBare() ? index : index + 1;
    }
    return text.length;
  }

  #restart(): void {
    this.#depth = 0;
    this.#isString = false;
    this.#isEscaped = false;
  }

  /** A number or a word ends at the character after it. */
  #isBare(): boolean {
    return !['{', '[', '"'].includes(this.#first);
  }

  #end(character: string): boolean {
    if (this.#first === '') this.#first = character;
    if (this.#isBare()) {
      this.isComplete = /[\s,}\]]/.test(character);
      return this.isComplete;
    }
    if (this.#isEscaped) this.#isEscaped = false;
    else if (this.#isString && character === '\\') this.#isEscaped = true;
    else if (character === '"') this.#isString = !this.#isString;
    else if (!this.#isString && (character === '{' || character === '[')) this.#depth += 1;
    else if (!this.#isString && (character === '}' || character === ']')) this.#depth -= 1;
    this.isComplete = this.#depth === 0 && !this.#isString;
    return this.isComplete;
  }
}

function unescaped(text: string): string {
  try {
    return String(JSON.parse(`"${text}"`));
  } catch {
    return text;
  }
}
