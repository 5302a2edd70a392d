/** Documents with pdfkit, in fonts that every PDF reader has, so that none is embedded. */
import PDFDocument from 'pdfkit';
import type { CreatePdf } from '../../ports/pdf.ts';
import { drawTable, MARGIN } from './table.ts';
import { winAnsi } from './win-ansi.ts';

const SIZES = { heading: 15, paragraph: 9, footer: 7 } as const;
const FONTS = { heading: 'Helvetica-Bold', paragraph: 'Helvetica' } as const;
const FOOTER_Y = 30;
/** The library's comment that a file is binary, which this one isn't. Of the same length, since places are counted. */
const BINARY_MARK = '%\xff\xff\xff\xff';
const TEXT_MARK = '%text';

/** All of it stays in memory and is ASCII, because nothing is compressed and texts are written in hex. */
export const createPdf: CreatePdf = ({ title, footer, createdAtMs }) => {
  const document = new PDFDocument({
    ...{ size: 'A4', margin: MARGIN, compress: false, bufferPages: true },
    info: { Title: winAnsi(title), Creator: 'Idlewatt', CreationDate: new Date(createdAtMs) },
  });
  const write = (text: string, kind: 'heading' | 'paragraph') => {
    document.font(FONTS[kind]).fontSize(SIZES[kind]).text(winAnsi(text), MARGIN).moveDown(0.6);
  };
  return {
    heading: (text) => write(text, 'heading'),
    paragraph: (text) => write(text, 'paragraph'),
    table: (columns, rows) => drawTable(document, columns, rows),
    newPage: () => void document.addPage(),
    finish() {
      numberPages(document, winAnsi(footer));
      document.end();
      return bytesOf(document).toString('latin1').replace(BINARY_MARK, TEXT_MARK);
    },
  };
};

function numberPages(document: PDFKit.PDFDocument, footer: string): void {
  const { start, count } = document.bufferedPageRange();
  for (let index = start; index < start + count; index += 1) {
    document.switchToPage(index);
    // Below the margin, where text would begin another page.
    document.page.margins.bottom = 0;
    const y = document.page.height - FOOTER_Y;
    const text = `${footer}   Page ${index - start + 1} of ${count}`;
    document.font(FONTS.paragraph).fontSize(SIZES.footer).text(text, MARGIN, y, { lineBreak: false });
  }
}

/** Reads what an ended document has written, which is all of it. */
function bytesOf(document: PDFKit.PDFDocument): Buffer {
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk: unknown = document.read();
    if (!(chunk instanceof Uint8Array)) return Buffer.concat(chunks);
    chunks.push(Buffer.from(chunk));
  }
}
