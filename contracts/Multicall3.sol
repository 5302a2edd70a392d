// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Several reads in one call, with the ABI of Multicall3, for local chains that lack it.
/// @notice Only the functions that x402's facilitator and common readers use.
contract Multicall3 {
    struct Call {
        address target;
        bytes callData;
    }

    struct Call3 {
        address target;
        bool allowFailure;
        bytes callData;
    }

    struct Result {
        bool success;
        bytes returnData;
    }

    error CallFailed(uint256 index);

    function tryAggregate(bool requireSuccess, Call[] calldata calls)
        external
        payable
        returns (Result[] memory returnData)
    {
        returnData = new Result[](calls.length);
        for (uint256 i = 0; i < calls.length; ++i) {
            (returnData[i].success, returnData[i].returnData) = calls[i].target.call(calls[i].callData);
            if (requireSuccess && !returnData[i].success) revert CallFailed(i);
        }
    }

    function aggregate3(Call3[] calldata calls) external payable returns (Result[] memory returnData) {
        returnData = new Result[](calls.length);
        for (uint256 i = 0; i < calls.length; ++i) {
            (returnData[i].success, returnData[i].returnData) = calls[i].target.call(calls[i].callData);
            if (!calls[i].allowFailure && !returnData[i].success) revert CallFailed(i);
        }
    }

    function getEthBalance(address account) external view returns (uint256) {
        return account.balance;
    }
}
