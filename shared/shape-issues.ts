/** Says what a schema found wrong in a request, in words for the person who wrote it; never quotes the request. */
import type { z } from 'zod';

type Issue = Parameters<z.core.$ZodErrorMap>[0];

const KINDS: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

/** Completes `Invalid "parameter": …`. Returns undefined for the library's own text. */
export function issueText(issue: Issue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is required' : mustBe([issue.expected]);
    case 'too_small':
      return atLeast(issue.origin, Number(issue.minimum));
    case 'too_big':
      return atMost(issue.origin, Number(issue.maximum));
    case 'invalid_value':
      return `must be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map((each) => JSON.stringify(each)).join(', ')}`;
    case 'invalid_key':
      return issue.issues[0]?.message;
    case 'invalid_union':
      return unionText(issue.errors);
    default:
      return undefined;
  }
}

/** Describes the fault of the alternative that has the right type; without one, the types of all. */
function unionText(alternatives: readonly (readonly z.core.$ZodIssue[])[]): string | undefined {
  const [first] = alternatives.filter((issues) => !issues.some(isOfWrongType)).flat();
  if (first) return first.message;
  const kinds = alternatives
    .flat()
    .flatMap((issue) => (issue.code === 'invalid_type' ? [issue.expected] : []));
  return kinds.length === 0 ? undefined : mustBe(kinds);
}

function isOfWrongType({ code, path }: z.core.$ZodIssue): boolean {
  return code === 'invalid_type' && path.length === 0;
}

function mustBe(kinds: readonly string[]): string {
  return `must be ${[...new Set(kinds.map((kind) => KINDS[kind] ?? kind))].join(' or ')}`;
}

function atLeast(origin: string, minimum: number): string {
  if (origin !== 'string' && origin !== 'array') return `must be at least ${minimum}`;
  return minimum === 1 ? 'must not be empty' : `must have at least ${minimum} ${unitOf(origin)}`;
}

function atMost(origin: string, maximum: number): string {
  if (origin !== 'string' && origin !== 'array') return `must be at most ${maximum}`;
  return `must have at most ${maximum} ${unitOf(origin)}`;
}

function unitOf(origin: 'string' | 'array'): string {
  return origin === 'string' ? 'characters' : 'items';
}
