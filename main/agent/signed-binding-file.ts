/** Stores what a payout address whose key isn't on this machine signed about its peer, and the text that it is to sign. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import {
  type BindingTerms,
  bindingTermsSchema,
  type SignedBinding,
  signedBindingSchema,
} from '../../shared/identity.ts';
import { replacePrivateFile } from '../ports/private-file.ts';

const FILE = 'payout-binding.json';
const contentSchema = z.object({
  /** The last text that was printed. */
  asked: bindingTermsSchema.nullable().default(null),
  signed: signedBindingSchema.nullable().default(null),
});
type Content = z.infer<typeof contentSchema>;

export interface SignedBindingFile {
  asked(): BindingTerms | null;
  ask(terms: BindingTerms): void;
  /** Null if nothing was signed for this peer and this address. */
  signedFor(parties: Pick<BindingTerms, 'peer' | 'payout'>): SignedBinding | null;
  sign(signed: SignedBinding): void;
}

/** A damaged file counts as empty: the address can sign again. */
export function signedBindingFile(folder: string): SignedBindingFile {
  const path = join(folder, FILE);
  const read = (): Content => {
    try {
      return contentSchema.parse(existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {});
    } catch {
      return { asked: null, signed: null };
    }
  };
  const write = (content: Content) => replacePrivateFile(path, `${JSON.stringify(content)}\n`);
  return {
    asked: () => read().asked,
    ask: (asked) => write({ ...read(), asked }),
    signedFor({ peer, payout }) {
      const { signed } = read();
      const isTheirs = signed?.peer === peer && signed.payout.toLowerCase() === payout.toLowerCase();
      return isTheirs ? signed : null;
    },
    sign: (signed) => write({ asked: null, signed }),
  };
}
