/** Compares answers of several providers to the same request with the same seed, token by token. */

export interface Comparison {
  /** Tokens at the beginning that all answers share. */
  readonly agreed: number;
  /** True if the answers differ after that. What comes later says nothing: each continues from another text. */
  readonly differs: boolean;
  /** Index of the only answer that differs there from at least two equal ones; null if there is none. */
  readonly alone: number | null;
}

/** Compares as far as the shortest answer goes: a provider may have been stopped. */
export function compareAnswers(answers: readonly (readonly number[])[]): Comparison {
  const length = Math.min(...answers.map((tokens) => tokens.length));
  const [first = []] = answers;
  let agreed = 0;
  while (agreed < length && answers.every((tokens) => tokens[agreed] === first[agreed])) agreed += 1;
  if (agreed === length) return { agreed, differs: false, alone: null };
  const chosen = answers.map((tokens) => tokens[agreed]);
  const alone = chosen.findIndex((token, index) => {
    const others = chosen.filter((_, other) => other !== index);
    return others.length >= 2 && others.every((other) => other === others[0] && other !== token);
  });
  return { agreed, differs: true, alone: alone < 0 ? null : alone };
}
