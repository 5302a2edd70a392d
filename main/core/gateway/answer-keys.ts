/** Keys with which providers encrypt kept answers: each from one secret and the job, so that none has to be stored. */
import { createHmac, randomBytes } from 'node:crypto';

/** Stores the secret. Writing fails with a storage error. */
export interface AnswerSecretFile {
  /** Null if there is none. */
  read(): string | null;
  write(secret: string): void;
}

const SECRET_BYTES = 32;

/** For a run that nobody continues. */
export const NO_ANSWER_FILE: AnswerSecretFile = { read: () => null, write: () => undefined };

/** Returns the key of a job's answer, as 32 bytes in base64url. The first call makes the secret if there is none. */
export function createAnswerKeys(file: AnswerSecretFile): (jobId: string) => string {
  let secret: string | null = null;
  return (jobId) => {
    secret ??= file.read() ?? make(file);
    return createHmac('sha256', secret).update(jobId).digest('base64url');
  };
}

function make(file: AnswerSecretFile): string {
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  file.write(secret);
  return secret;
}
