/** ethers behind our ports: keys, the chain's node, balances, transfers and the payout address's proof. */
export { createAccount } from './account.ts';
export { readAddress, withChecksum } from './address.ts';
export { readBalances } from './balances.ts';
export { createContractSignatures } from './contract-signatures.ts';
export { createKeyTools } from './keystore.ts';
export { type ChainNode, connectNode } from './node.ts';
export { createSender } from './sender.ts';
export { createSpendChain } from './spend-chain.ts';
export { rpcRequestOf, verifyTypedData } from './typed-data.ts';
export { bip39Words } from './words.ts';
