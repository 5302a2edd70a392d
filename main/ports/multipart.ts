/** Port for reading forms with files (multipart/form-data) as they arrive. */

export interface FormParts {
  /** Called for each field, with its value. */
  field(name: string, value: string): void;
  /** Called for each file; the next part is read when it resolves. The content fails if the form ends too early. */
  file(name: string, fileName: string, content: AsyncIterable<Uint8Array>): Promise<void>;
}

/** Fails with `bad-request` for a body that is no form, and with what `parts` throws. */
export type ReadForm = (
  body: ReadableStream<Uint8Array> | null,
  contentType: string,
  parts: FormParts,
) => Promise<void>;
