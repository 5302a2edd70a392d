/** The local chain of the practice network. */
export { FAUCET_TOKEN, fundFromFaucet } from './faucet.ts';
export { type PracticeChain, practiceNetwork, startPracticeChain } from './practice-chain.ts';
