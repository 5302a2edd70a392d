/** Log lines as a terminal shows them. */
import type { LogLine } from '../adapters/pino/index.ts';

const LEVEL_WIDTH = 5;
const COMPONENT_WIDTH = 12;
const INDENT = '    ';

/** One line with time, level, component, message and fields; an error's stack follows on lines of its own. */
export function formatLogLine(line: LogLine): string {
  const { err, ...fields } = line.fields;
  const head = [
    localTime(line.time),
    line.level.toUpperCase().padEnd(LEVEL_WIDTH),
    sourceOf(line).padEnd(COMPONENT_WIDTH),
    line.message,
    ...Object.entries(fields).map(([name, value]) => `${name}=${fieldText(value)}`),
  ].join('  ');
  return [visible(head), ...errorLines(err)].join('\n');
}

/** A component of another process than the agent has its name in front. */
function sourceOf({ process, component }: LogLine): string {
  return process === 'agent' || process === component ? component : `${process}/${component}`;
}

function localTime(iso: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return `${day} ${time}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}

function fieldText(value: unknown): string {
  return typeof value === 'string' && /^[\w.:/@+-]+$/.test(value) ? value : JSON.stringify(value);
}

function errorLines(error: unknown): string[] {
  if (error === undefined) return [];
  if (typeof error !== 'object' || error === null) return [`${INDENT}${visible(fieldText(error))}`];
  const { name, message, code, stack, details, cause } = error as Record<string, unknown>;
  const text = typeof stack === 'string' ? stack : `${String(name)}: ${String(message)}`;
  const facts = [code === undefined ? [] : [`code=${fieldText(code)}`], factText(details)].flat();
  return [
    ...text.split('\n').map((part) => `${INDENT}${visible(part)}`),
    ...(facts.length === 0 ? [] : [`${INDENT}${visible(facts.join('  '))}`]),
    ...(cause === undefined ? [] : [`${INDENT}caused by:`, ...errorLines(cause)]),
  ];
}

function factText(details: unknown): string[] {
  const isEmpty = details === undefined || JSON.stringify(details) === '{}';
  return isEmpty ? [] : [`details=${JSON.stringify(details)}`];
}

/** Escapes control characters: a peer's text must not move the cursor or change colors in the owner's terminal. */
function visible(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
