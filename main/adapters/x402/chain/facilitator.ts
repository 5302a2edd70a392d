/** x402's facilitator in this process: it verifies by reading the chain and sends with our own key. */
import { x402Facilitator } from '@x402/core/facilitator';
import type { FacilitatorClient } from '@x402/core/server';
import type { FacilitatorEvmSigner } from '@x402/evm';
import { BatchSettlementEvmScheme } from '@x402/evm/batch-settlement/facilitator';
import { ExactEvmScheme } from '@x402/evm/exact/facilitator';
import type { ChainNetwork } from '../../../ports/chain.ts';
import type { ChainSender, ContractCall } from '../../../ports/evm.ts';
import { currentOperation, observed } from './operation.ts';

/** `sender` sends the transactions and pays their fees. */
export function createFacilitator(network: ChainNetwork, sender: ChainSender): FacilitatorClient {
  const facilitator = new x402Facilitator();
  const signer = toFacilitatorSigner(sender);
  const networkId = network.id as `${string}:${string}`;
  facilitator.register(networkId, new BatchSettlementEvmScheme(signer));
  facilitator.register(networkId, new ExactEvmScheme(inNextBlock(signer, sender)));
  return {
    verify: (payload, requirements) => facilitator.verify(payload, requirements),
    settle: (payload, requirements) => facilitator.settle(payload, requirements),
    getSupported: async () =>
      facilitator.getSupported() as Awaited<ReturnType<FacilitatorClient['getSupported']>>,
  };
}

/** Polling interval for the block with a transaction, and the maximum wait for it. */
const BLOCK_POLL_MS = 100;
const BLOCK_MS_MAX = 60_000;

/** Takes the first block for enough: the buyer of one answer waits for it, and its value is small. */
function inNextBlock(signer: FacilitatorEvmSigner, sender: ChainSender): FacilitatorEvmSigner {
  return {
    ...signer,
    async waitForTransactionReceipt({ hash }) {
      const deadlineMs = performance.now() + BLOCK_MS_MAX;
      for (;;) {
        const receipt = await observed(sender.receipt(hash));
        if (receipt !== null)
          return receipt as unknown as Awaited<ReturnType<FacilitatorEvmSigner['waitForTransactionReceipt']>>;
        if (performance.now() > deadlineMs) throw new Error('the transaction is in no block yet');
        await new Promise((resolve) => setTimeout(resolve, BLOCK_POLL_MS));
      }
    },
  };
}

function toFacilitatorSigner(sender: ChainSender): FacilitatorEvmSigner {
  return {
    getAddresses: () => [sender.address],
    // Only the account that a permit names may settle it, even in a trial without a transaction.
    readContract: (call) => observed(sender.readContract({ ...oneFunction(call), from: sender.address })),
    getCode: (request) => observed(sender.getCode(request)),
    verifyTypedData: () => Promise.reject(new Error('signatures are verified without the chain')),
    writeContract: ({ gas, dataSuffix, ...call }) => {
      const operation = currentOperation();
      return observed(
        sender.writeContract(oneFunction(call), {
          ...(gas === undefined ? {} : { gas }),
          ...(dataSuffix === undefined ? {} : { dataSuffix }),
          beforeBroadcast: (hash) => operation?.beforeBroadcast(call.functionName, hash, false),
        }),
      );
    },
    sendTransaction: (transaction) => observed(sender.sendTransaction(transaction)),
    async waitForTransactionReceipt({ hash, timeout }) {
      const operation = currentOperation();
      const receipt = await observed(sender.waitForReceipt(hash, timeout));
      if (operation !== undefined) operation.receipt = receipt;
      // The libraries read only address, topics and data of a log.
      return receipt as unknown as Awaited<ReturnType<FacilitatorEvmSigner['waitForTransactionReceipt']>>;
    },
  };
}

const narrowed = new WeakMap<readonly unknown[], Map<string, readonly unknown[]>>();

/**
 * Leaves one function of the name in the interface: the token's transfer by authorization has two forms. The same interface
 * results for equal calls, because the chain's adapter parses each one once.
 */
function oneFunction<Call extends Pick<ContractCall, 'abi' | 'functionName' | 'args'>>(call: Call): Call {
  const { functionName, args = [] } = call;
  const known = narrowed.get(call.abi) ?? new Map<string, readonly unknown[]>();
  narrowed.set(call.abi, known);
  const key = `${functionName}/${args.length}`;
  const isAnother = (entry: unknown) => {
    const { name, inputs } = entry as { readonly name?: string; readonly inputs?: readonly unknown[] };
    return name === functionName && inputs?.length !== args.length;
  };
  const abi = known.get(key) ?? call.abi.filter((entry) => typeof entry === 'string' || !isAnother(entry));
  known.set(key, abi);
  return { ...call, abi };
}
