/** The practice network's local chain. */
export { FAUCET_TOKEN, fundFromFaucet } from './faucet.ts';
export { NODE_FILE, type PracticeChain, startPracticeChain } from './practice-chain.ts';
export { practiceNetwork } from './practice-network.ts';
