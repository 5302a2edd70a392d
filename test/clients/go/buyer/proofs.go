// What a provider signs with its peer key: its offer and its receipts, as compact JWS.
package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multibase"
)

type price struct {
	Input  string `json:"inputPerMillion"`
	Cached string `json:"cachedInputPerMillion"`
	Output string `json:"outputPerMillion"`
}

type offer struct {
	Peer     string   `json:"peer"`
	Payout   string   `json:"payout"`
	Binding  *string  `json:"binding"`
	Networks []string `json:"networks"`
	Asset    struct {
		ID string `json:"id"`
	} `json:"asset"`
	Models []struct {
		ID     string `json:"id"`
		Sha256 string `json:"sha256"`
		Price  price  `json:"price"`
	} `json:"models"`
	IssuedAtMs  int64 `json:"issuedAtMs"`
	ExpiresAtMs int64 `json:"expiresAtMs"`
}

type receipt struct {
	Peer         string `json:"peer"`
	ModelSha256  string `json:"modelSha256"`
	InputTokens  int64  `json:"inputTokens"`
	CachedTokens int64  `json:"cachedTokens"`
	OutputTokens int    `json:"outputTokens"`
	Price        price  `json:"price"`
	AssetID      string `json:"assetId"`
	ChannelID    string `json:"channelId"`
	Charged      string `json:"charged"`
	Cumulative   string `json:"cumulative"`
	TokenHash    string `json:"tokenHash"`
	// Absent if the provider's engine can't repeat how it chose the tokens.
	Sampling *sampling `json:"sampling"`
}

type sampling struct {
	Temperature float64 `json:"temperature"`
	TopP        float64 `json:"topP"`
	// In what was asked, absent without a wish.
	Seed *uint32 `json:"seed"`
}

// isAsAsked ignores settings that this program doesn't ask for.
func (applied *sampling) isAsAsked(asked sampling) bool {
	isSeed := asked.Seed == nil || (applied.Seed != nil && *applied.Seed == *asked.Seed)
	return applied.Temperature == asked.Temperature && applied.TopP == asked.TopP && isSeed
}

// readSigned verifies a compact JWS (EdDSA) of this peer; its ID holds the public key.
func readSigned(jws string, signer string, payload any) error {
	parts := strings.Split(jws, ".")
	if len(jws) > 64*1024 || len(parts) != 3 {
		return errors.New("signature")
	}
	id, err := peer.Decode(signer)
	if err != nil {
		return err
	}
	key, err := id.ExtractPublicKey()
	if err != nil {
		return err
	}
	var header struct{ Alg, Kid string }
	var raw [3][]byte
	for index, part := range parts {
		if raw[index], err = base64.RawURLEncoding.DecodeString(part); err != nil {
			return err
		}
	}
	if err := json.Unmarshal(raw[0], &header); err != nil || header.Alg != "EdDSA" || (header.Kid != signer && header.Kid != didURL(key)) {
		return errors.New("signature")
	}
	if valid, err := key.Verify([]byte(parts[0]+"."+parts[1]), raw[2]); err != nil || !valid {
		return errors.New("signature")
	}
	return json.Unmarshal(raw[1], payload)
}

const (
	lifetimeMsMax  = 24 * 3_600_000
	clockSkewMsMax = 300_000
)

// readOffer returns an offer that is valid now, or an error with the reason of its refusal.
func readOffer(jws string, from string, nowMs int64) (*offer, error) {
	var read offer
	if err := readSigned(jws, from, &read); err != nil {
		return nil, errors.New("signature")
	}
	if len(read.Networks) == 0 || len(read.Networks) > 8 || len(read.Models) > 64 {
		return nil, errors.New("malformed")
	}
	if read.Peer != from {
		return nil, errors.New("another-peer")
	}
	if read.ExpiresAtMs-read.IssuedAtMs > lifetimeMsMax {
		return nil, errors.New("not-yet")
	}
	if read.ExpiresAtMs <= nowMs {
		return nil, errors.New("expired")
	}
	if read.IssuedAtMs > nowMs+clockSkewMsMax {
		return nil, errors.New("not-yet")
	}
	if read.Binding != nil {
		if err := checkBinding(*read.Binding, &read, nowMs/1000); err != nil {
			return nil, fmt.Errorf("binding-%w", err)
		}
	}
	return &read, nil
}

func did(key crypto.PubKey) string {
	raw, _ := key.Raw()
	text, _ := multibase.Encode(multibase.Base58BTC, append([]byte{0xed, 0x01}, raw...))
	return "did:key:" + text
}

func didURL(key crypto.PubKey) string {
	return did(key) + "#" + strings.TrimPrefix(did(key), "did:key:")
}

type binding struct {
	Iss, Sub string
	Nbf, Exp int64
	Vc       struct {
		CredentialSubject struct{ ID, Peer string }
		Evidence          []struct{ Signature string }
	}
}

// checkBinding verifies that the peer and the payout address have signed each other's names.
func checkBinding(jws string, from *offer, nowS int64) error {
	var read binding
	if err := readSigned(jws, from.Peer, &read); err != nil {
		return errors.New("signature")
	}
	id, _ := peer.Decode(from.Peer)
	key, err := id.ExtractPublicKey()
	if err != nil || len(read.Vc.Evidence) != 1 {
		return errors.New("malformed")
	}
	if read.Iss != did(key) || read.Vc.CredentialSubject.Peer != from.Peer {
		return errors.New("another-peer")
	}
	isOurs := false
	for _, network := range from.Networks {
		isOurs = isOurs || strings.EqualFold(read.Sub, "did:pkh:"+network+":"+from.Payout)
	}
	if !isOurs || read.Vc.CredentialSubject.ID != read.Sub {
		return errors.New("another-address")
	}
	if read.Exp <= read.Nbf || read.Exp-read.Nbf > 31*86_400 {
		return errors.New("lifetime")
	}
	if read.Exp <= nowS {
		return errors.New("expired")
	}
	if read.Nbf > nowS+clockSkewMsMax/1000 {
		return errors.New("not-yet")
	}
	if !isSignedBy(from.Payout, bindingDigest(from.Peer, from.Payout, read.Nbf, read.Exp), read.Vc.Evidence[0].Signature) {
		return errors.New("wallet-signature")
	}
	return nil
}

func number(text string) *big.Int {
	value, ok := new(big.Int).SetString(text, 10)
	if !ok {
		return big.NewInt(0)
	}
	return value
}

// charge returns the price of tokens in base units, rounded up once over the sum.
func charge(p price, input int64, cached int64, output int64) *big.Int {
	full, reduced := number(p.Input), number(p.Input)
	if p.Cached != "" && number(p.Cached).Cmp(full) < 0 {
		reduced = number(p.Cached)
	}
	sum := new(big.Int).Mul(full, big.NewInt(input-cached))
	sum.Add(sum, new(big.Int).Mul(reduced, big.NewInt(cached)))
	sum.Add(sum, new(big.Int).Mul(number(p.Output), big.NewInt(output)))
	return sum.Add(sum, big.NewInt(999_999)).Div(sum, big.NewInt(1_000_000))
}

func tokenHash(tokens []uint32) string {
	bytes := []byte{}
	for _, token := range tokens {
		bytes = binary.LittleEndian.AppendUint32(bytes, token)
	}
	digest := sha256.Sum256(bytes)
	return hex.EncodeToString(digest[:])
}

// terms are what the buyer knows, which a receipt has to match.
type terms struct {
	Peer        string   `json:"peer"`
	ModelSha256 string   `json:"modelSha256"`
	Price       price    `json:"price"`
	AssetID     string   `json:"assetId"`
	ChannelID   string   `json:"channelId"`
	Ceiling     string   `json:"ceiling"`
	Tokens      []uint32 `json:"tokens"`
	Asked       sampling `json:"asked"`
	Charged     string   `json:"charged"`
}

// readReceipt returns the receipt, or an error with the first check that failed.
func readReceipt(jws string, known terms) (*receipt, error) {
	var read receipt
	if err := readSigned(jws, known.Peer, &read); err != nil {
		return nil, errors.New("signature")
	}
	charged := number(read.Charged)
	switch {
	case read.Peer != known.Peer:
		return nil, errors.New("another-peer")
	case read.ModelSha256 != known.ModelSha256:
		return nil, errors.New("another-model")
	case read.AssetID != known.AssetID:
		return nil, errors.New("another-asset")
	case read.ChannelID != known.ChannelID:
		return nil, errors.New("another-channel")
	case read.CachedTokens > read.InputTokens:
		return nil, errors.New("cached-tokens")
	case read.OutputTokens > len(known.Tokens):
		return nil, errors.New("output-tokens")
	case read.TokenHash != tokenHash(known.Tokens[:read.OutputTokens]):
		return nil, errors.New("token-hash")
	case read.Sampling != nil && !read.Sampling.isAsAsked(known.Asked):
		return nil, errors.New("sampling")
	case charged.Sign() < 0 || charged.Cmp(charge(known.Price, read.InputTokens, read.CachedTokens, int64(read.OutputTokens))) > 0:
		return nil, errors.New("charge")
	case charged.Cmp(number(known.Ceiling)) > 0:
		return nil, errors.New("ceiling")
	case read.Charged != known.Charged:
		return nil, errors.New("payment-response")
	}
	return &read, nil
}

type serverEvent struct {
	Event *string `json:"event"`
	Data  string  `json:"data"`
}

// readEvents returns the events of a stream; lines end with LF or CRLF, and an event without data is none.
func readEvents(stream io.Reader) ([]serverEvent, error) {
	events := []serverEvent{}
	var name *string
	var data [][]byte
	lines := bufio.NewReader(stream)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return events, nil
		} else if err != nil {
			return events, err
		}
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch {
		case len(line) == 0:
			if data != nil {
				events = append(events, serverEvent{name, string(bytes.Join(data, []byte("\n")))})
			}
			name, data = nil, nil
		case string(field) == "event":
			text := string(value)
			name = &text
		case string(field) == "data":
			data = append(data, value)
		}
	}
}
