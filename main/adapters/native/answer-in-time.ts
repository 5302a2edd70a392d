/** One question at a time, and no waiting for one that hangs: a driver or an X server may never answer. */

const ANSWER_MS_MAX = 1_000;

/**
 * Asks, or gives null when there is no answer in time. While an answer is overdue nothing else is asked, so
 * that a source that hangs holds one thread of Node's pool and not all of them.
 */
export function createTimelyQuestion<Answer>(
  ask: () => Promise<Answer | null>,
  answerMsMax: number = ANSWER_MS_MAX,
): () => Promise<Answer | null> {
  let asked: Promise<Answer | null> | null = null;
  return () => {
    asked ??= ask()
      .catch(() => null)
      .finally(() => {
        asked = null;
      });
    const answer = asked;
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(null), answerMsMax);
      void answer.then((value) => {
        clearTimeout(timer);
        resolve(value);
      });
    });
  };
}
