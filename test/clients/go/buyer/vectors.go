// Checks this implementation against docs/protocol-vectors.json.
package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multihash"
)

type vectors struct {
	MarketKeys []struct{ Sha256, Cid string }
	Offers     []struct {
		Name, Peer, Jws, Verdict string
		AtMs                     int64
	}
	Channels []struct {
		ChainID string
		Config  channelConfig
		ID      string
	}
	Vouchers []struct {
		Name, ChainID, ChannelID, MaxClaimableAmount, Signer, Digest, Signature string
		Valid                                                                   bool
	}
	Deposits []struct {
		ChainID string
		deposit
		Digest string
	}
	Charges []struct {
		Price                 price
		Input, Cached, Output int64
		Charge                string
	}
	TokenHashes []struct {
		Tokens []uint32
		Sha256 string
	}
	Receipts []struct {
		Name, Jws, Verdict string
		Terms              terms
	}
	Streams []struct {
		Name, Text string
		Events     []serverEvent
	}
}

func verdict(err error) string {
	if err != nil {
		return err.Error()
	}
	return "valid"
}

func checkVectors(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var all vectors
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	checked := 0
	failures := []string{}
	expect := func(name string, found any, wanted any) {
		checked++
		if !reflect.DeepEqual(found, wanted) {
			failures = append(failures, fmt.Sprintf("%s: %v instead of %v", name, found, wanted))
		}
	}
	for _, each := range all.MarketKeys {
		digest, _ := hex.DecodeString(each.Sha256)
		hash, err := multihash.Encode(digest, multihash.SHA2_256)
		expect("market key", cid.NewCidV1(cid.Raw, hash).String()+verdict(err), each.Cid+"valid")
	}
	for _, each := range all.Offers {
		_, err := readOffer(each.Jws, each.Peer, each.AtMs)
		expect("offer "+each.Name, verdict(err), each.Verdict)
	}
	for _, each := range all.Channels {
		expect("channel", channelID(each.Config, each.ChainID), each.ID)
	}
	for _, each := range all.Vouchers {
		digest := voucherDigest(each.ChannelID, each.MaxClaimableAmount, each.ChainID)
		expect("digest "+each.Name, "0x"+hex.EncodeToString(digest), each.Digest)
		expect("voucher "+each.Name, isSignedBy(each.Signer, digest, each.Signature), each.Valid)
	}
	for _, each := range all.Deposits {
		expect("deposit", "0x"+hex.EncodeToString(depositDigest(each.deposit, each.ChainID)), each.Digest)
	}
	for _, each := range all.Charges {
		expect("charge", charge(each.Price, each.Input, each.Cached, each.Output).String(), each.Charge)
	}
	for _, each := range all.TokenHashes {
		expect("tokens", tokenHash(each.Tokens), each.Sha256)
	}
	for _, each := range all.Receipts {
		_, err := readReceipt(each.Jws, each.Terms)
		expect("receipt "+each.Name, verdict(err), each.Verdict)
	}
	for _, each := range all.Streams {
		events, err := readEvents(bytes.NewReader([]byte(each.Text)))
		expect("stream "+each.Name+verdict(err), events, each.Events)
	}
	if checked == 0 || len(failures) > 0 {
		return fmt.Errorf("%d of %d failed: %s", len(failures), checked, strings.Join(failures, "; "))
	}
	return nil
}
