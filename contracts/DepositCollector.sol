// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IDepositCollector} from "./IDepositCollector.sol";

/// @title Base of all collectors: only the settlement contract may call them.
/// @notice A payer's signature is visible to everyone who reads the chain. Any other caller who could submit it
///         here would receive the money.
abstract contract DepositCollector is IDepositCollector {
    /// @notice The settlement contract, at the same address on every chain.
    address public constant x402BatchSettlement = 0x4020074e9dF2ce1deE5A9C1b5c3f541D02a10003;

    error OnlyBatchSettlement();

    modifier onlyBatchSettlement() {
        if (msg.sender != x402BatchSettlement) revert OnlyBatchSettlement();
        _;
    }
}
