/** Reads a peer's response without trust in its length. */

/** Returns the text, or its beginning if it exceeds the limit; the rest is not read. */
export async function readText(
  response: Response,
  charactersMax: number,
): Promise<{ readonly text: string; readonly isComplete: boolean }> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > charactersMax) return { text: text.slice(0, charactersMax), isComplete: false };
  }
  return { text, isComplete: true };
}
