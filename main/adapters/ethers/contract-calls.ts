/** Encodes, sends and decodes contract calls. */
import { Interface, type InterfaceAbi } from 'ethers';
import { z } from 'zod';
import { MULTICALL_ADDRESS } from '../../ports/contracts.ts';
import type { ContractCall } from '../../ports/evm.ts';
import { type EncodeWords, encoderOf } from './call-words.ts';
import type { EndpointPool } from './endpoint-pool.ts';
import { hexSchema } from './rpc-shapes.ts';

const MULTICALL_ABI = [
  'function tryAggregate(bool requireSuccess, (address target, bytes callData)[] calls) payable returns ((bool success, bytes returnData)[])',
];
const aggregateSchema = z.array(z.tuple([z.boolean(), hexSchema]));

export async function readContract(pool: EndpointPool, call: ContractCall): Promise<unknown> {
  const data = encodeCall(call);
  return decodeResult(
    call,
    await pool.agreed('eth_call', (block) => [{ from: call.from, to: call.address, data }, block], hexSchema),
  );
}

/** Reads several calls in one request, all from the same block. */
export async function readContracts(
  pool: EndpointPool,
  calls: readonly ContractCall[],
): Promise<readonly unknown[]> {
  const batch = calls.map((call) => ({ target: call.address, callData: encodeCall(call) }));
  const results = aggregateSchema.parse(
    await readContract(pool, {
      address: MULTICALL_ADDRESS,
      abi: MULTICALL_ABI,
      functionName: 'tryAggregate',
      args: [true, batch],
    }),
  );
  return calls.map((call, index) => decodeResult(call, results[index]?.[1] ?? '0x'));
}

export function encodeCall(call: ContractCall): string {
  const { interface: parsed, encodeWords } = parsedOf(call);
  const args = call.args ?? [];
  return encodeWords?.(args) ?? parsed.encodeFunctionData(call.functionName, [...args]);
}

function decodeResult(call: ContractCall, answer: string): unknown {
  const result = parsedOf(call).interface.decodeFunctionResult(call.functionName, answer);
  return result.length === 1 ? result[0] : result;
}

interface ParsedFunction {
  readonly interface: Interface;
  /** Null if ethers has to encode each call. */
  readonly encodeWords: EncodeWords | null;
}

const parsedFunctions = new WeakMap<readonly unknown[], Map<string, ParsedFunction>>();

/** Parsing an ABI takes longer than a call, so each one is parsed once for each of its functions that is called. */
function parsedOf({ abi, functionName }: ContractCall): ParsedFunction {
  const known = parsedFunctions.get(abi) ?? new Map<string, ParsedFunction>();
  parsedFunctions.set(abi, known);
  const parsed = known.get(functionName) ?? parse(abi, functionName);
  known.set(functionName, parsed);
  return parsed;
}

function parse(abi: readonly unknown[], functionName: string): ParsedFunction {
  const parsed = new Interface(abi as InterfaceAbi);
  const fragment = parsed.getFunction(functionName);
  return { interface: parsed, encodeWords: fragment === null ? null : encoderOf(fragment) };
}
