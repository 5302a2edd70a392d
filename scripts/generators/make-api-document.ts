/** Writes `docs/api.md` from the code and the stored results of the clients: `node scripts/generators/make-api-document.ts` */
import { writeFileSync } from 'node:fs';
import { API_DOCUMENT, apiDocument, storedResults } from '../lib/api-document.ts';

writeFileSync(API_DOCUMENT, apiDocument(storedResults()));
