/** Messages and tools in the form that chat templates expect, with placeholders for texts that must stay plain. */
import { createHash } from 'node:crypto';
import type { AskedMessage, Tool } from '../../../shared/asked.ts';
import { parseJson } from '../../../shared/json.ts';
import { messageBody, toolBody } from '../../../shared/openai-body.ts';
import type { Placeholders } from './placeholders.ts';
import type { ToolFormat } from './tool-format.ts';

/** `merged`: neighbors of one role are one message. `without-system`: also, system text begins the next user message. */
export type MessageRoles = 'as-given' | 'merged' | 'without-system';

export interface MessageOptions {
  readonly roles: MessageRoles;
  readonly format: ToolFormat | null;
  readonly places: Placeholders;
  readonly continuesLast: boolean;
}

export function templateMessages(
  messages: readonly AskedMessage[],
  { roles, format, places, continuesLast }: MessageOptions,
): Record<string, unknown>[] {
  const given = roles === 'without-system' ? messages.map(systemAsUser) : messages;
  const joined = roles === 'as-given' ? given : merge(given);
  return joined.map((message, index) => {
    const isContinued = continuesLast && index === joined.length - 1;
    const { content, ...rest } = messageBody(withUsualIds(message, format));
    const calls = message.toolCalls && {
      tool_calls: rest.tool_calls && callsWithObjects(rest.tool_calls, places),
    };
    return {
      ...(plain(rest, places) as Record<string, unknown>),
      // Templates expect text, also next to calls.
      content: isContinued ? places.ofLast(String(content)) : places.of(String(content ?? '')),
      ...calls,
    };
  });
}

export function templateTools(tools: readonly Tool[], places: Placeholders): unknown {
  return plain(
    tools.map(({ strict: _, ...tool }) => toolBody(tool)),
    places,
  );
}

function systemAsUser(message: AskedMessage): AskedMessage {
  return message.role === 'system' ? { ...message, role: 'user' } : message;
}

function merge(messages: readonly AskedMessage[]): AskedMessage[] {
  const merged: AskedMessage[] = [];
  for (const message of messages) {
    const last = merged.at(-1);
    const mayJoin = last?.role === message.role && message.role !== 'tool' && !last.toolCalls;
    if (last && mayJoin) {
      const content = [last.content, message.content].filter((text) => text !== '').join('\n\n');
      merged[merged.length - 1] = { ...last, ...message, content };
    } else {
      merged.push(message);
    }
  }
  return merged;
}

/** Mistral's templates accept IDs of nine letters and digits only. */
function withUsualIds(message: AskedMessage, format: ToolFormat | null): AskedMessage {
  if (format !== 'mistral' && format !== 'mistral-args') return message;
  const { toolCalls, toolCallId } = message;
  return {
    ...message,
    ...(toolCalls && { toolCalls: toolCalls.map((call) => ({ ...call, id: shortId(call.id) })) }),
    ...(toolCallId !== undefined && { toolCallId: shortId(toolCallId) }),
  };
}

function shortId(id: string): string {
  return /^[a-zA-Z0-9]{9}$/.test(id) ? id : createHash('sha256').update(id).digest('hex').slice(0, 9);
}

/** Templates write the arguments of earlier calls as JSON objects, not as texts. */
function callsWithObjects(calls: unknown, places: Placeholders): unknown {
  if (!Array.isArray(calls)) return calls;
  return calls.map((call: { function: { name: string; arguments: string } }) => ({
    ...(plain(call, places) as object),
    function: { name: call.function.name, arguments: plain(argumentsOf(call.function.arguments), places) },
  }));
}

function argumentsOf(text: string): unknown {
  try {
    const value = parseJson(text);
    return typeof value === 'object' && value !== null ? value : text;
  } catch {
    return text;
  }
}

/** Replaces every risky text and key. Its depth is limited by what the request's parser accepts. */
function plain(value: unknown, places: Placeholders): unknown {
  if (typeof value === 'string') return places.of(value);
  if (Array.isArray(value)) return value.map((each) => plain(each, places));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [places.of(key), plain(each, places)]),
  );
}
