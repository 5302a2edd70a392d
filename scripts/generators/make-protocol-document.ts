/** Updates the tables in `docs/protocol.md` from the code: `node scripts/generators/make-protocol-document.ts` */
import { writeFileSync } from 'node:fs';
import { PROTOCOL_DOCUMENT, protocolDocument } from '../lib/protocol-document.ts';

writeFileSync(PROTOCOL_DOCUMENT, protocolDocument());
