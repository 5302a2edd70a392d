/** Methods that only tests use on the practice chain: to pass time, mine, undo, and put the chain into other states. */
export const TEST_METHODS = [
  'anvil_dropAllTransactions',
  'anvil_dropTransaction',
  'anvil_mine',
  'anvil_reorg',
  'anvil_setCode',
  'anvil_setNextBlockBaseFeePerGas',
  'anvil_setStorageAt',
  'evm_increaseTime',
  'evm_mine',
  'evm_setAutomine',
  'evm_setNextBlockTimestamp',
] as const;
