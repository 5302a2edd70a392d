/** docs/protocol.md and its test vectors. */
import { join } from 'node:path';
import { REPOSITORY } from './places.ts';

export const VECTORS = join(REPOSITORY, 'docs', 'protocol-vectors.json');
