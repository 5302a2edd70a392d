/**
 * Tables over any number of pages. The library's own don't repeat their titles on the next page, and take too long for the
 * rows of several years.
 */
import type { PdfColumn } from '../../ports/pdf.ts';
import { winAnsi } from './win-ansi.ts';

/** In points. */
export const MARGIN = 40;
const SIZE = 7.5;
const LINE_HEIGHT = 9.5;
const ROW_GAP = 3;
const COLUMN_GAP = 6;
const AFTER = 12;
const RULE = '#999999';

interface Place {
  readonly x: number;
  readonly width: number;
  readonly isNumber: boolean;
}

export function drawTable(
  document: PDFKit.PDFDocument,
  columns: readonly PdfColumn[],
  rows: readonly (readonly string[])[],
): void {
  const places = placesOf(document, columns);
  const titles = () => {
    drawRow(
      document,
      places,
      linesOf(
        document,
        places,
        columns.map(({ title }) => title),
        'Helvetica-Bold',
      ),
    );
    document.strokeColor(RULE).lineWidth(0.5);
    const { y } = document;
    document
      .moveTo(MARGIN, y - ROW_GAP / 2)
      .lineTo(document.page.width - MARGIN, y - ROW_GAP / 2)
      .stroke();
  };
  titles();
  for (const row of rows) {
    const lines = linesOf(document, places, row, 'Helvetica');
    if (document.y + heightOf(lines) > document.page.height - MARGIN) {
      document.addPage();
      titles();
    }
    document.font('Helvetica').fontSize(SIZE);
    drawRow(document, places, lines);
  }
  document.y += AFTER;
}

function placesOf({ page }: PDFKit.PDFDocument, columns: readonly PdfColumn[]): Place[] {
  const shares = columns.reduce((sum, { share }) => sum + share, 0);
  const width = page.width - 2 * MARGIN;
  let x = MARGIN;
  return columns.map(({ share, isNumber = false }) => {
    const own = (width * share) / shares;
    const place = { x, width: own - COLUMN_GAP, isNumber };
    x += own;
    return place;
  });
}

/** Breaks the text of each cell into lines that fit into its column. Sets the font. */
function linesOf(
  document: PDFKit.PDFDocument,
  places: readonly Place[],
  cells: readonly string[],
  font: string,
): string[][] {
  document.font(font).fontSize(SIZE);
  return places.map(({ width }, index) => {
    const lines: string[] = [];
    for (const word of winAnsi(cells[index] ?? '').split(/ +/)) {
      const last = lines.at(-1);
      const longer = last === undefined ? word : `${last} ${word}`;
      if (last !== undefined && document.widthOfString(longer) <= width) lines[lines.length - 1] = longer;
      else lines.push(...fitting(document, word, width));
    }
    return lines;
  });
}

/** Parts of a word that is too long for a line. */
function fitting(document: PDFKit.PDFDocument, word: string, width: number): string[] {
  if (word.length < 2 || document.widthOfString(word) <= width) return [word];
  const half = Math.ceil(word.length / 2);
  return [...fitting(document, word.slice(0, half), width), ...fitting(document, word.slice(half), width)];
}

function heightOf(lines: readonly (readonly string[])[]): number {
  return Math.max(1, ...lines.map((each) => each.length)) * LINE_HEIGHT + ROW_GAP;
}

function drawRow(
  document: PDFKit.PDFDocument,
  places: readonly Place[],
  lines: readonly (readonly string[])[],
): void {
  const top = document.y;
  places.forEach(({ x, width, isNumber }, index) => {
    (lines[index] ?? []).forEach((line, number) => {
      const left = isNumber ? x + width - document.widthOfString(line) : x;
      document.text(line, left, top + number * LINE_HEIGHT, { lineBreak: false });
    });
  });
  document.x = MARGIN;
  document.y = top + heightOf(lines);
}
