/** Limits the waiting for a result of systeminformation: a program that it starts may hang (a driver's tool, PowerShell). */
const RESULT_MS_MAX = 15_000;

/** Resolves to null for a late or failed result. */
export async function inTime(result: Promise<unknown>): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), RESULT_MS_MAX);
    timer.unref();
  });
  try {
    return await Promise.race([result.catch(() => null), late]);
  } finally {
    clearTimeout(timer);
  }
}
