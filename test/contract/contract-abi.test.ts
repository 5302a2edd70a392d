/**
 * Verifies: our contracts have exactly the interface that x402's libraries and users of USDC call.
 * Setup: the ABI inside @x402/evm compared entry by entry with our artifact, in both directions: entries that only
 * ours has are listed here by name; the typed data of signatures compared by their hashes.
 * Fails if: a new version of the library calls, reads or signs something else.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { x402UptoPermit2ProxyABI } from '@x402/evm';
import { FunctionFragment, Interface, type InterfaceAbi, id } from 'ethers';
import settlement from '../../contracts/artifacts/BatchSettlement.json' with { type: 'json' };
import erc3009Collector from '../../contracts/artifacts/Erc3009DepositCollector.json' with { type: 'json' };
import permit2 from '../../contracts/artifacts/Permit2.json' with { type: 'json' };
import permit2Collector from '../../contracts/artifacts/Permit2DepositCollector.json' with { type: 'json' };
import token from '../../contracts/artifacts/PracticeUsdc.json' with { type: 'json' };
import uptoProxy from '../../contracts/artifacts/UptoPermit2Proxy.json' with { type: 'json' };

interface LibraryAbi {
  readonly batchSettlementABI: InterfaceAbi;
}

let official: string[];

/** Entries with value names, mutability and indexes: contracts with equal entries are equal to callers. */
function entriesOf(abi: InterfaceAbi): string[] {
  return Interface.from(abi)
    .fragments.filter((fragment) => fragment.type !== 'constructor')
    .map((fragment) => fragment.format('full'))
    .sort();
}

before(async () => {
  // The library doesn't export its ABI, but one of its files contains it.
  const entry = fileURLToPath(import.meta.resolve('@x402/evm/batch-settlement/client'));
  const folder = join(dirname(entry), '..', '..');
  for (const name of readdirSync(folder).filter((file) => /^chunk-.*\.mjs$/.test(file))) {
    const loaded: Partial<LibraryAbi> = await import(pathToFileURL(join(folder, name)).href);
    if (loaded.batchSettlementABI !== undefined) official = entriesOf(loaded.batchSettlementABI);
  }
});

/** Not in the library's ABI, which contains only the entries that the library itself calls. */
const OURS_BEYOND = [
  'event ChannelClosed',
  'event ChannelCreated',
  'event Claimed',
  'event Deposited',
  'event Refunded',
  'event WithdrawFinalized',
  'event WithdrawInitiated',
  'function CLAIM_BATCH_TYPEHASH',
  'function CLAIM_ENTRY_TYPEHASH',
  'function MAX_WITHDRAW_DELAY',
  'function MIN_WITHDRAW_DELAY',
  'function REFUND_TYPEHASH',
  'function VOUCHER_TYPEHASH',
  'function eip712Domain',
];

/** Errors of the standard's contract; clients show them to people. */
const STANDARD_ERRORS = [
  'ClaimExceedsBalance()',
  'ClaimExceedsCeiling()',
  'DepositCollectionFailed()',
  'DepositOverflow()',
  'EmptyBatch()',
  'InvalidChannel()',
  'InvalidCollector()',
  'InvalidRefundNonce()',
  'InvalidSignature()',
  'NotAuthorizedToClaim()',
  'NotAuthorizedToFinalizeWithdraw()',
  'NotAuthorizedToRefund()',
  'NotReceiverAuthorizer()',
  'NothingToWithdraw()',
  'WithdrawAmountExceedsAvailable()',
  'WithdrawDelayNotElapsed()',
  'WithdrawDelayOutOfRange()',
  'WithdrawalAlreadyPending()',
  'WithdrawalNotPending()',
  'ZeroDeposit()',
  'ZeroRefund()',
];
/** Errors of OpenZeppelin's parts. */
const BORROWED_ERRORS = [
  'AddressEmptyCode(address target)',
  'FailedCall()',
  'ReentrancyGuardReentrantCall()',
  'SafeERC20FailedOperation(address token)',
];

test('the settlement contract has every entry of the library’s ABI, and only listed ones beyond', () => {
  const ours = entriesOf(settlement.abi);
  assert.ok(official.length > 15, 'the library’s ABI was found');
  assert.deepEqual(
    official.filter((entry) => !ours.includes(entry)),
    [],
    'called by the library and missing in ours',
  );
  const beyond = ours
    .filter((entry) => !official.includes(entry) && !entry.startsWith('error '))
    .map((entry) => entry.slice(0, entry.indexOf('(')));
  assert.deepEqual(beyond, OURS_BEYOND);
  const errors = ours.filter((entry) => entry.startsWith('error ')).map((entry) => entry.slice(6));
  assert.deepEqual(errors, [...STANDARD_ERRORS, ...BORROWED_ERRORS].sort());
});

test('signed data has the types of the standard', () => {
  const types: Readonly<Record<string, string>> = {
    CHANNEL_CONFIG_TYPEHASH:
      'ChannelConfig(address payer,address payerAuthorizer,address receiver,address receiverAuthorizer,address token,uint40 withdrawDelay,bytes32 salt)',
    VOUCHER_TYPEHASH: 'Voucher(bytes32 channelId,uint128 maxClaimableAmount)',
    REFUND_TYPEHASH: 'Refund(bytes32 channelId,uint256 nonce,uint128 amount)',
  };
  for (const [name, type] of Object.entries(types)) {
    assert.ok(settlement.deployedBytecode.includes(id(type).slice(2)), name);
  }
});

test('both collectors have the function that the settlement contract calls', () => {
  const collect =
    'function collect(address payer, address token, uint256 amount, bytes32 channelId, bytes collectorData)';
  for (const artifact of [erc3009Collector, permit2Collector]) {
    assert.ok(entriesOf(artifact.abi).includes(collect), artifact.contract);
  }
});

const signatures = (abi: InterfaceAbi): string[] =>
  Interface.from(abi)
    .fragments.filter(FunctionFragment.isFragment)
    .map((fragment) => fragment.format('sighash'))
    .sort();

test('the test USDC has all of ERC-20, EIP-2612 and EIP-3009, with both signature forms', () => {
  const authorization = 'address,address,uint256,uint256,uint256,bytes32';
  const standard = [
    'totalSupply()',
    'balanceOf(address)',
    'transfer(address,uint256)',
    'allowance(address,address)',
    'approve(address,uint256)',
    'transferFrom(address,address,uint256)',
    'name()',
    'symbol()',
    'decimals()',
    'version()',
    'DOMAIN_SEPARATOR()',
    'nonces(address)',
    'permit(address,address,uint256,uint256,uint8,bytes32,bytes32)',
    'permit(address,address,uint256,uint256,bytes)',
    'authorizationState(address,bytes32)',
    `transferWithAuthorization(${authorization},uint8,bytes32,bytes32)`,
    `transferWithAuthorization(${authorization},bytes)`,
    `receiveWithAuthorization(${authorization},uint8,bytes32,bytes32)`,
    `receiveWithAuthorization(${authorization},bytes)`,
    'cancelAuthorization(address,bytes32,uint8,bytes32,bytes32)',
    'cancelAuthorization(address,bytes32,bytes)',
  ];
  const ours = signatures(token.abi);
  assert.deepEqual(
    standard.filter((signature) => !ours.includes(signature)),
    [],
  );
});

test('the proxy for upto has every entry of the library’s ABI, and nothing beyond', () => {
  // Only the constructor of the standard's contract, which ours doesn't have, fails with it.
  const library = entriesOf(x402UptoPermit2ProxyABI).filter(
    (entry) => !entry.includes('InvalidPermit2Address'),
  );
  const ofGuard = (entry: string) => entry !== 'error ReentrancyGuardReentrantCall()';
  assert.deepEqual(entriesOf(uptoProxy.abi).filter(ofGuard), library.filter(ofGuard));
});

test('our Permit2 has the function names of the real one', () => {
  assert.deepEqual(signatures(permit2.abi), [
    'DOMAIN_SEPARATOR()',
    'invalidateUnorderedNonces(uint256,uint256)',
    'nonceBitmap(address,uint256)',
    'permitWitnessTransferFrom(((address,uint256),uint256,uint256),(address,uint256),address,bytes32,string,bytes)',
  ]);
});
