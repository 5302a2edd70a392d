/** The contract call that settles an `upto` payment, with the payer's EIP-2612 permit if one came with it. */
import proxyArtifact from '../../../../contracts/artifacts/UptoPermit2Proxy.json' with { type: 'json' };
import { UPTO_PROXY_ADDRESS } from '../../../ports/contracts.ts';
import type { ContractCall } from '../../../ports/evm.ts';
import type { UptoPayment } from './upto-authorization.ts';

/** Moves `value` of what was permitted. Only the account that the permit names may make the call. */
export function settleCall({ permit, signature, gasless }: UptoPayment, value: bigint): ContractCall {
  // In lower case, an address has no checksum that could be wrong.
  const { permitted, witness, nonce, deadline, from } = permit;
  const transfer = [
    { permitted: { ...permitted, token: permitted.token.toLowerCase() }, nonce, deadline },
    value,
    from.toLowerCase(),
    { ...witness, to: witness.to.toLowerCase(), facilitator: witness.facilitator.toLowerCase() },
    signature,
  ];
  const call = { address: UPTO_PROXY_ADDRESS, abi: proxyArtifact.abi };
  if (gasless === null) return { ...call, functionName: 'settle', args: transfer };
  const { amount, deadline: until, signature: signed } = gasless;
  const allowance = {
    value: amount,
    deadline: until,
    r: signed.slice(0, 66),
    s: `0x${signed.slice(66, 130)}`,
    v: Number.parseInt(signed.slice(130), 16),
  };
  return { ...call, functionName: 'settleWithPermit', args: [allowance, ...transfer] };
}
