// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Brings a payer's tokens to the settlement contract, by whatever authorisation it understands.
interface IDepositCollector {
    /// @dev Called by the settlement contract; sends exactly `amount` of `token` to the caller or reverts.
    function collect(address payer, address token, uint256 amount, bytes32 channelId, bytes calldata collectorData)
        external;
}
