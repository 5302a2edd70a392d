/** Port for documents of headings, paragraphs and tables as PDF, on pages of A4 with numbers. */

export interface PdfColumn {
  readonly title: string;
  /** Part of the width, relative to the other columns. */
  readonly share: number;
  /** Numbers are aligned right. */
  readonly isNumber?: boolean;
}

/** Characters that Western European fonts lack are replaced by a question mark. */
export interface PdfDocument {
  heading(text: string): void;
  paragraph(text: string): void;
  /** A table that doesn't fit on a page continues on the next one, with its titles. */
  table(columns: readonly PdfColumn[], rows: readonly (readonly string[])[]): void;
  newPage(): void;
  /** Ends the document and returns the file. It is plain ASCII, so that it can be passed on as text. */
  finish(): string;
}

/** Begins a document; `footer` is on every page. */
export type CreatePdf = (about: {
  readonly title: string;
  readonly footer: string;
  readonly createdAtMs: number;
}) => PdfDocument;
