/** Obtains and renews the storefront's certificate, if the command line asks for one. */
import { domainToASCII } from 'node:url';
import { AppError } from '../../shared/errors.ts';
import type { PublicServer } from '../adapters/http/index.ts';
import { withPurpose } from '../adapters/node/index.ts';
import { type CertificateKeeper, createCertificateKeeper } from '../core/certificates/index.ts';
import { openCertificateFile } from './certificate-file.ts';
import type { WebConfig } from './config.ts';
import type { Foundation } from './foundation.ts';
import type { Surroundings } from './surroundings.ts';

export interface AcmeChoice {
  /** In its ASCII form. */
  readonly domain: string;
  readonly directory: string;
  readonly email: string | null;
}

const LETS_ENCRYPT = 'https://acme-v02.api.letsencrypt.org/directory';
const NAME_CHARACTERS_MAX = 253;
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const NAME = new RegExp(String.raw`^(?:${LABEL}\.)+(?!\d+$)${LABEL}$`);
/** `domainToASCII` would leave out all that follows. */
const NOT_IN_NAMES = /[\s/\\?#:@%]/;
const EMAIL = /^[^\s@,?&]{1,64}@[^\s@,?&]{1,189}$/;

/** Null where the options name no domain. Fails with `bad-request`. */
export function readAcme({ acme, listen, certFile, keyFile }: WebConfig): AcmeChoice | null {
  const { domain: text = null, isAgreed = false, email = null, directory = null } = acme ?? {};
  if (text === null) {
    if (!isAgreed && email === null && directory === null) return null;
    throw bad('--acme-agree, --acme-email and --acme-directory are used together with --acme-domain.');
  }
  const domain = NOT_IN_NAMES.test(text) ? '' : domainToASCII(text);
  if (!NAME.test(domain) || domain.length > NAME_CHARACTERS_MAX) {
    throw bad(`Invalid --acme-domain "${text}". Use a name such as ai.example.com.`);
  }
  if (certFile !== null || keyFile !== null)
    throw bad('Use either --acme-domain or --tls-cert and --tls-key.');
  if (listen === null) {
    throw bad('--acme-domain needs --web-listen: the address and port that port 443 of the domain leads to.');
  }
  if (!isAgreed) {
    throw bad(
      '--acme-domain needs --acme-agree: read the terms of service of the certificate authority first.',
    );
  }
  if (email !== null && !EMAIL.test(email)) throw bad(`Invalid --acme-email "${email}".`);
  return { domain, email, directory: readDirectory(directory ?? LETS_ENCRYPT) };
}

function readDirectory(text: string): string {
  if (URL.canParse(text) && new URL(text).protocol === 'https:') return text;
  throw bad(`Invalid --acme-directory "${text}". Use an address that begins with https://.`);
}

/** The library is loaded only where it is used. */
export async function keepCertificate(
  { clock, changed, onClose }: Surroundings,
  { paths }: Pick<Foundation, 'paths'>,
  choice: AcmeChoice,
  parts: Pick<PublicServer, 'useCertificate' | 'showChallenge'> & Pick<Surroundings, 'log'>,
): Promise<CertificateKeeper> {
  const { createAuthority } = await import('../adapters/acme/index.ts');
  const authority = createAuthority({ directory: choice.directory });
  const keeper = createCertificateKeeper({
    ...choice,
    authority: { ...authority, order: (order) => withPurpose('certificates', () => authority.order(order)) },
    store: openCertificateFile(paths.keys, choice),
    ...{ clock, log: parts.log, showChallenge: parts.showChallenge, use: parts.useCertificate },
    onChange: () => changed('storefront'),
  });
  onClose(keeper.close);
  return keeper;
}

function bad(message: string): AppError {
  return new AppError('bad-request', message);
}
