// Payments: EIP-712 hashes, and signatures of x402's batch-settlement scheme.
package main

import (
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"golang.org/x/crypto/sha3"
)

const (
	settlementContract = "0x4020074e9dF2ce1deE5A9C1b5c3f541D02a10003"
	depositCollector   = "0x4020806089470a89826cB9fB1f4059150b550004"
)

type channelConfig struct {
	Payer              string `json:"payer"`
	PayerAuthorizer    string `json:"payerAuthorizer"`
	Receiver           string `json:"receiver"`
	ReceiverAuthorizer string `json:"receiverAuthorizer"`
	Token              string `json:"token"`
	WithdrawDelay      int64  `json:"withdrawDelay"`
	Salt               string `json:"salt"`
}

type voucher struct {
	ChannelID          string `json:"channelId"`
	MaxClaimableAmount string `json:"maxClaimableAmount"`
	Signature          string `json:"signature"`
}

func keccak(parts ...[]byte) []byte {
	hash := sha3.NewLegacyKeccak256()
	for _, part := range parts {
		hash.Write(part)
	}
	return hash.Sum(nil)
}

// word returns 32 bytes: of hex digits with 0x, or of a decimal number.
func word(text string) []byte {
	base := 10
	if strings.HasPrefix(text, "0x") {
		text, base = text[2:], 16
	}
	number, ok := new(big.Int).SetString(text, base)
	if !ok || number.Sign() < 0 || number.BitLen() > 256 {
		return make([]byte, 32)
	}
	return number.FillBytes(make([]byte, 32))
}

func typed(domainName string, version string, chainID string, contract string, structType string, words ...string) []byte {
	domain := keccak(
		keccak([]byte("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")),
		keccak([]byte(domainName)), keccak([]byte(version)), word(chainID), word(contract),
	)
	members := [][]byte{keccak([]byte(structType))}
	for _, each := range words {
		members = append(members, word(each))
	}
	return keccak([]byte{0x19, 0x01}, domain, keccak(members...))
}

func channelID(config channelConfig, chainID string) string {
	digest := typed("x402 Batch Settlement", "1", chainID, settlementContract,
		"ChannelConfig(address payer,address payerAuthorizer,address receiver,address receiverAuthorizer,address token,uint40 withdrawDelay,bytes32 salt)",
		config.Payer, config.PayerAuthorizer, config.Receiver, config.ReceiverAuthorizer, config.Token,
		fmt.Sprint(config.WithdrawDelay), config.Salt)
	return "0x" + hex.EncodeToString(digest)
}

func voucherDigest(channel string, amount string, chainID string) []byte {
	return typed("x402 Batch Settlement", "1", chainID, settlementContract,
		"Voucher(bytes32 channelId,uint128 maxClaimableAmount)", channel, amount)
}

type deposit struct {
	From, Token, TokenName, TokenVersion, Amount, ValidBefore, Salt, ChannelID string
}

// depositDigest is what the payer signs to let the provider put money into the channel (ERC-3009).
func depositDigest(d deposit, chainID string) []byte {
	nonce := "0x" + hex.EncodeToString(keccak(word(d.ChannelID), word(d.Salt)))
	return typed(d.TokenName, d.TokenVersion, chainID, d.Token,
		"ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)",
		d.From, depositCollector, d.Amount, "0", d.ValidBefore, nonce)
}

// bindingDigest is what a payout address signs about its peer; the domain has no chain.
func bindingDigest(peerID string, payout string, from int64, until int64) []byte {
	domain := keccak(
		keccak([]byte("EIP712Domain(string name,string version)")),
		keccak([]byte("Idlewatt identity")), keccak([]byte("1")),
	)
	structHash := keccak(
		keccak([]byte("PeerBinding(string peer,address payout,uint64 fromSeconds,uint64 untilSeconds)")),
		keccak([]byte(peerID)), word(payout), word(fmt.Sprint(from)), word(fmt.Sprint(until)),
	)
	return keccak([]byte{0x19, 0x01}, domain, structHash)
}

func address(key *secp256k1.PublicKey) string {
	return "0x" + hex.EncodeToString(keccak(key.SerializeUncompressed()[1:])[12:])
}

func signDigest(key *secp256k1.PrivateKey, digest []byte) string {
	compact := ecdsa.SignCompact(key, digest, false)
	return "0x" + hex.EncodeToString(append(compact[1:], compact[0]))
}

// isSignedBy accepts the one form that the settlement contract accepts: r, s in its lower half, v of 27 or 28.
func isSignedBy(signer string, digest []byte, signature string) bool {
	bytes, err := hex.DecodeString(strings.TrimPrefix(signature, "0x"))
	if err != nil || len(bytes) != 65 || (bytes[64] != 27 && bytes[64] != 28) {
		return false
	}
	var s secp256k1.ModNScalar
	if s.SetByteSlice(bytes[32:64]) || s.IsOverHalfOrder() {
		return false
	}
	key, _, err := ecdsa.RecoverCompact(append([]byte{bytes[64]}, bytes[:64]...), digest)
	return err == nil && strings.EqualFold(address(key), signer)
}
