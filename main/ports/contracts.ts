/** Contracts that have the same address on every chain, and the token call that several adapters make. */
import type { Hex } from './evm.ts';

/** x402's payment channels (scheme `batch-settlement`). */
export const SETTLEMENT_ADDRESS: Hex = '0x4020074e9dF2ce1deE5A9C1b5c3f541D02a10003';
/** Collects a deposit by the payer's EIP-3009 signature. */
export const ERC3009_COLLECTOR_ADDRESS: Hex = '0x4020806089470a89826cB9fB1f4059150b550004';
/** Collects a deposit by the payer's Permit2 signature. */
export const PERMIT2_COLLECTOR_ADDRESS: Hex = '0x4020425FAf3B746C082C2f942b4E5159887B0005';
/** Settles a part of what a payer signed for Permit2 (scheme `upto`). */
export const UPTO_PROXY_ADDRESS: Hex = '0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002';
export const PERMIT2_ADDRESS: Hex = '0x000000000022D473030F116dDEE9F6B43aC78BA3';
/** Multicall3: several calls in one request, all from the same block. */
export const MULTICALL_ADDRESS: Hex = '0xcA11bde05977b3631167028862bE2a173976CA11';

/** ERC-20 `balanceOf`, in the form that a contract call takes. */
export const BALANCE_OF_ABI = ['function balanceOf(address) view returns (uint256)'] as const;
