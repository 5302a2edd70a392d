/** ethers behind our ports: keys, the chain's node, balances, the payout address's proof. */
export { createAccount } from './account.ts';
export { readAddress } from './address.ts';
export { readBalances } from './balances.ts';
export { createKeyTools } from './keystore.ts';
export { type ChainNode, connectNode, createSender } from './node.ts';
export { createSpendChain } from './send.ts';
export { signedBy } from './signed-text.ts';
