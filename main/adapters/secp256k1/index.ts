/** libsecp256k1 in WebAssembly behind our port: the signer of a signature. */
export { recoverSigner } from './recover-signer.ts';
