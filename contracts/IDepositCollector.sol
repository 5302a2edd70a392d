// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Transfers a payer's tokens to the settlement contract, by the authorization that it supports.
interface IDepositCollector {
    /// @dev Called by the settlement contract; sends exactly `amount` of `token` to the caller or reverts.
    function collect(address payer, address token, uint256 amount, bytes32 channelId, bytes calldata collectorData)
        external;
}
