/** The local chain of the practice network. */
export { FAUCET_TOKEN, fundFromFaucet } from './faucet.ts';
export { NODE_FILE, type PracticeChain, practiceNetwork, startPracticeChain } from './practice-chain.ts';
