// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IDepositCollector} from "./IDepositCollector.sol";

/// @title What every collector has in common: it works for the settlement contract and for nobody else.
/// @notice A payer's signature is seen by all who read the chain. Whoever could hand it in here himself
///         would be given the money.
abstract contract DepositCollector is IDepositCollector {
    /// @notice The settlement contract, at the same address on every chain.
    address public constant x402BatchSettlement = 0x4020074e9dF2ce1deE5A9C1b5c3f541D02a10003;

    error OnlyBatchSettlement();

    modifier onlyBatchSettlement() {
        if (msg.sender != x402BatchSettlement) revert OnlyBatchSettlement();
        _;
    }
}
