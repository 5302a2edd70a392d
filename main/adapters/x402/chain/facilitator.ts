/** x402's facilitator in this process: it verifies by reading the chain and sends with our own key. */
import { x402Facilitator } from '@x402/core/facilitator';
import type { FacilitatorClient } from '@x402/core/server';
import type { FacilitatorEvmSigner } from '@x402/evm';
import { BatchSettlementEvmScheme } from '@x402/evm/batch-settlement/facilitator';
import type { ChainNetwork } from '../../../ports/chain.ts';
import type { ChainSender } from '../../../ports/evm.ts';
import { currentOperation, observed } from './operation.ts';

/** `sender` sends the transactions and pays their fees. */
export function createFacilitator(network: ChainNetwork, sender: ChainSender): FacilitatorClient {
  const facilitator = new x402Facilitator();
  facilitator.register(
    network.id as `${string}:${string}`,
    new BatchSettlementEvmScheme(toFacilitatorSigner(sender)),
  );
  return {
    verify: (payload, requirements) => facilitator.verify(payload, requirements),
    settle: (payload, requirements) => facilitator.settle(payload, requirements),
    getSupported: async () =>
      facilitator.getSupported() as Awaited<ReturnType<FacilitatorClient['getSupported']>>,
  };
}

function toFacilitatorSigner(sender: ChainSender): FacilitatorEvmSigner {
  return {
    getAddresses: () => [sender.address],
    readContract: (call) => observed(sender.readContract(call)),
    getCode: (request) => observed(sender.getCode(request)),
    verifyTypedData: () => Promise.reject(new Error('signatures are verified without the chain')),
    writeContract: ({ gas, dataSuffix, ...call }) => {
      const operation = currentOperation();
      return observed(
        sender.writeContract(call, {
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
