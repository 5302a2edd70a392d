/** Public interface of the certificates. */
export { type CertificateKeeper, createCertificateKeeper } from './keeper.ts';
