/** Writes `docs/models.md` from the catalog: `node scripts/generators/make-models-document.ts` */
import { writeFileSync } from 'node:fs';
import { MODELS_DOCUMENT, modelsDocument } from '../lib/models-document.ts';

writeFileSync(MODELS_DOCUMENT, modelsDocument());
