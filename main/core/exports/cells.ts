/** Cells and rows of a CSV file (RFC 4180) that no spreadsheet reads as formulas. */

/** One row with its line end. */
export function row(cells: readonly string[]): string {
  return `${cells.map(cell).join(',')}\r\n`;
}

/**
 * Signs with which spreadsheets begin a formula, in ASCII and in the forms that they read alike. Texts that begin with
 * space, control or invisible characters are included, because spreadsheets skip those.
 */
const FORMULA_START = /^[\s\p{Cc}\p{Cf}=+\-@\u2212\uFF0B\uFF0D\uFF1D\uFF20]/u;
const NUMBER = /^-?\d+(\.\d+)?$/;

/** Quotes a cell if needed. A leading apostrophe stops spreadsheets from reading a text as a formula. */
function cell(text: string): string {
  const harmless = FORMULA_START.test(text) && !NUMBER.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
