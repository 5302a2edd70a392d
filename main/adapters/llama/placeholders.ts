/**
 * Placeholders for texts of the requester while a template is rendered. Afterwards the texts are put back as plain text, so
 * that none of them can become a control token, which could end its own turn.
 */

export interface Placeholders {
  /** Returns the text itself if it can't contain a control token, or a placeholder for it. */
  of(text: string): string;
  /** Returns a placeholder in any case, for the text that {@link untilLast} looks for. */
  ofLast(text: string): string;
  /** Returns the rendered text up to the end of the last placeholder made by {@link ofLast}. */
  untilLast(rendered: string): string;
  /** Splits a rendered text into what the template wrote and what the requester did. */
  split(rendered: string): readonly TextPart[];
}

export interface TextPart {
  readonly text: string;
  readonly isUserText: boolean;
}

/** `nonce` is unknown to the requester, so no text can contain a placeholder. */
export function createPlaceholders(nonce: string, isRisky: (text: string) => boolean): Placeholders {
  const texts: string[] = [];
  const pattern = new RegExp(`Zq${nonce}x(\\d+)q`, 'g');
  let last: string | null = null;

  function add(text: string): string {
    texts.push(text);
    return `Zq${nonce}x${texts.length - 1}q`;
  }

  return {
    of: (text) => (isRisky(text) ? add(text) : text),
    ofLast(text) {
      last = add(text);
      return last;
    },
    untilLast(rendered) {
      const at = last === null ? -1 : rendered.lastIndexOf(last);
      return last === null || at < 0 ? rendered : rendered.slice(0, at + last.length);
    },
    split(rendered) {
      const parts: TextPart[] = [];
      let end = 0;
      for (const match of rendered.matchAll(pattern)) {
        const before = rendered.slice(end, match.index);
        end = match.index + match[0].length;
        const text = texts[Number(match[1])] ?? '';
        // In JSON that the template wrote, the text has to be escaped like every other.
        const isInJson = before.endsWith('"') && rendered[end] === '"';
        if (before !== '') parts.push({ text: before, isUserText: false });
        if (text !== '')
          parts.push({ text: isInJson ? JSON.stringify(text).slice(1, -1) : text, isUserText: true });
      }
      if (end < rendered.length) parts.push({ text: rendered.slice(end), isUserText: false });
      return parts;
    },
  };
}
