// A second implementation of the buyer, from docs/protocol.md alone: reaches a provider over a relay, checks its signed
// offer, puts money into a channel, buys two answers, checks their receipts and takes the rest back.
package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	libp2phttp "github.com/libp2p/go-libp2p/p2p/http"
)

type buyer struct {
	host        host.Host
	provider    peer.ID
	client      *http.Client
	key         *secp256k1.PrivateKey
	network     string
	offer       *offer
	requirement map[string]any
	config      channelConfig
	channel     string
	charged     *big.Int
	modelID     string
	modelSha256 string
	modelPrice  price
}

const depositAmount = "20000"

func open() (*buyer, error) {
	node, err := libp2p.New(libp2p.NoListenAddrs, libp2p.EnableRelay())
	if err != nil {
		return nil, err
	}
	info, err := peer.AddrInfoFromString(os.Getenv("IDLEWATT_CLIENT_PROVIDER_RELAYED_ADDRESS"))
	if err != nil {
		return nil, err
	}
	transport, err := (&libp2phttp.Host{StreamHost: node}).NewConstrainedRoundTripper(*info)
	if err != nil {
		return nil, err
	}
	secret, err := hex.DecodeString(strings.TrimPrefix(os.Getenv("IDLEWATT_CLIENT_PRIVATE_KEY"), "0x"))
	if err != nil {
		return nil, err
	}
	var chain struct{ ID string }
	if err := json.Unmarshal([]byte(os.Getenv("IDLEWATT_CLIENT_CHAIN")), &chain); err != nil {
		return nil, err
	}
	return &buyer{
		host: node, provider: info.ID, network: chain.ID, charged: big.NewInt(0),
		client:  &http.Client{Transport: transport, Timeout: 60 * time.Second},
		key:     secp256k1.PrivKeyFromBytes(secret),
		modelID: os.Getenv("IDLEWATT_CLIENT_MODEL"),
	}, nil
}

func (b *buyer) send(method string, path string, body any, payment any) (*http.Response, []byte, error) {
	text, _ := json.Marshal(body)
	if body == nil {
		text = nil
	}
	request, err := http.NewRequest(method, path, bytes.NewReader(text))
	if err != nil {
		return nil, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if payment != nil {
		header, _ := json.Marshal(payment)
		request.Header.Set("Payment-Signature", base64.StdEncoding.EncodeToString(header))
	}
	response, err := b.client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return response, answer, err
}

func (b *buyer) readOffer() error {
	response, body, err := b.send("GET", "/.well-known/idlewatt-offer", nil, nil)
	if err != nil || response.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: %.100s", errors.Join(err, errors.New("no offer")), body)
	}
	if b.offer, err = readOffer(string(body), b.provider.String(), time.Now().UnixMilli()); err != nil {
		return err
	}
	for _, connection := range b.host.Network().ConnsToPeer(b.provider) {
		if !strings.Contains(connection.RemoteMultiaddr().String(), "/p2p-circuit") {
			return fmt.Errorf("not over a relay: %s", connection.RemoteMultiaddr())
		}
	}
	for _, model := range b.offer.Models {
		if model.ID == b.modelID {
			b.modelSha256, b.modelPrice = model.Sha256, model.Price
		}
	}
	if b.modelSha256 == "" || !strings.Contains(strings.Join(b.offer.Networks, " "), b.network) {
		return errors.New("it doesn't sell the model on this network")
	}
	return nil
}

func (b *buyer) models() error {
	_, body, err := b.send("GET", "/v1/models", nil, nil)
	if err == nil && !bytes.Contains(body, []byte(b.modelSha256)) {
		return fmt.Errorf("the model isn't listed: %.100s", body)
	}
	return err
}

// quote asks for the requirements of a request by sending it without a payment.
func (b *buyer) quote(path string, body any) (map[string]any, error) {
	response, answer, err := b.send("POST", path, body, nil)
	if err != nil {
		return nil, err
	}
	header, err := base64.StdEncoding.DecodeString(response.Header.Get("Payment-Required"))
	if err != nil || response.StatusCode != http.StatusPaymentRequired {
		return nil, fmt.Errorf("status %d: %.100s", response.StatusCode, answer)
	}
	var required struct{ Accepts []map[string]any }
	if err := json.Unmarshal(header, &required); err != nil {
		return nil, err
	}
	for _, accepted := range required.Accepts {
		if accepted["scheme"] == "batch-settlement" && accepted["network"] == b.network {
			return accepted, nil
		}
	}
	return nil, errors.New("no requirement for this network")
}

func (b *buyer) chainID() string { return strings.TrimPrefix(b.network, "eip155:") }

func (b *buyer) sign(amount *big.Int) voucher {
	digest := voucherDigest(b.channel, amount.String(), b.chainID())
	return voucher{b.channel, amount.String(), signDigest(b.key, digest)}
}

func randomWord() string {
	bytes := make([]byte, 32)
	rand.Read(bytes)
	return "0x" + hex.EncodeToString(bytes)
}

func (b *buyer) price() error {
	accepted, err := b.quote("/v1/channel", nil)
	if err != nil {
		return err
	}
	if !strings.EqualFold(accepted["payTo"].(string), b.offer.Payout) {
		return errors.New("another payout address than the offer's")
	}
	own := address(b.key.PubKey())
	extra := accepted["extra"].(map[string]any)
	b.config = channelConfig{
		own, own, accepted["payTo"].(string), extra["receiverAuthorizer"].(string),
		accepted["asset"].(string), int64(extra["withdrawDelay"].(float64)), randomWord(),
	}
	b.channel, b.requirement = channelID(b.config, b.chainID()), accepted
	return nil
}

// deposit lets the provider put the money on the chain, with a voucher over one unit, which stands for nothing yet.
func (b *buyer) deposit() error {
	extra := b.requirement["extra"].(map[string]any)
	validBefore := fmt.Sprint(time.Now().Unix() + int64(b.requirement["maxTimeoutSeconds"].(float64)))
	salt := randomWord()
	digest := depositDigest(deposit{
		b.config.Payer, b.config.Token, extra["name"].(string), extra["version"].(string),
		depositAmount, validBefore, salt, b.channel,
	}, b.chainID())
	authorization := map[string]any{"erc3009Authorization": map[string]string{
		"validAfter": "0", "validBefore": validBefore, "salt": salt, "signature": signDigest(b.key, digest),
	}}
	payload := map[string]any{
		"type": "deposit", "channelConfig": b.config, "voucher": b.sign(big.NewInt(1)),
		"deposit": map[string]any{"amount": depositAmount, "authorization": authorization},
	}
	return b.pay("/v1/channel", b.requirement, payload)
}

func (b *buyer) pay(path string, accepted map[string]any, payload map[string]any) error {
	response, body, err := b.send("POST", path, nil, payment(accepted, payload))
	if err != nil || response.StatusCode != http.StatusOK {
		return fmt.Errorf("refused: %.300s", body)
	}
	return nil
}

func payment(accepted map[string]any, payload map[string]any) map[string]any {
	return map[string]any{"x402Version": 2, "accepted": accepted, "payload": payload}
}

// buy asks for a quote, pays it with a voucher and checks the receipt; the provider charges less than the quote.
func (b *buyer) buy(stream bool) error {
	body := map[string]any{
		"model": b.modelID, "max_tokens": 9, "stream": stream, "return_token_ids": true,
		"messages": []map[string]string{{"role": "user", "content": "Why is the sky blue?"}},
	}
	accepted, err := b.quote("/v1/chat/completions", body)
	if err != nil {
		return err
	}
	ceiling := number(accepted["amount"].(string))
	payload := map[string]any{
		"type": "voucher", "channelConfig": b.config, "voucher": b.sign(new(big.Int).Add(b.charged, ceiling)),
	}
	response, answer, err := b.send("POST", "/v1/chat/completions", body, payment(accepted, payload))
	if err != nil || response.StatusCode != http.StatusOK {
		return fmt.Errorf("refused: %.300s", answer)
	}
	chunks := [][]byte{answer}
	jws, settled := response.Header.Get("X-Idlewatt-Receipt"), response.Header.Get("Payment-Response")
	if stream {
		chunks, jws, settled, err = readStream(answer)
	}
	if err != nil {
		return err
	}
	return b.checkBill(chunks, jws, settled, ceiling)
}

// readStream returns the chunks up to [DONE], and the receipt and the payment response, which follow it.
func readStream(answer []byte) (chunks [][]byte, jws string, settled string, err error) {
	events, err := readEvents(bytes.NewReader(answer))
	isDone := false
	for _, each := range events {
		switch {
		case each.Event == nil && each.Data == "[DONE]":
			isDone = true
		case each.Event == nil:
			chunks = append(chunks, []byte(each.Data))
		case *each.Event == "idlewatt.receipt" && isDone:
			jws = each.Data
		case *each.Event == "x402.payment-response" && isDone:
			settled = each.Data
		}
	}
	return chunks, jws, settled, err
}

func (b *buyer) checkBill(chunks [][]byte, jws string, settled string, ceiling *big.Int) error {
	tokens := []uint32{}
	for _, chunk := range chunks {
		var read struct {
			Choices []struct {
				TokenIDs []uint32 `json:"token_ids"`
			} `json:"choices"`
		}
		if err := json.Unmarshal(chunk, &read); err != nil {
			return err
		}
		for _, choice := range read.Choices {
			tokens = append(tokens, choice.TokenIDs...)
		}
	}
	header, err := base64.StdEncoding.DecodeString(settled)
	if err != nil || len(header) == 0 {
		return errors.New("no payment response")
	}
	var response struct {
		Extra struct {
			ChargedAmount string
			ChannelState  struct{ ChargedCumulativeAmount string }
		}
	}
	if err := json.Unmarshal(header, &response); err != nil {
		return err
	}
	bill, err := readReceipt(jws, terms{
		Peer: b.provider.String(), ModelSha256: b.modelSha256, Price: b.modelPrice,
		AssetID:   b.offer.Asset.ID,
		ChannelID: b.channel, Ceiling: ceiling.String(), Tokens: tokens, Charged: response.Extra.ChargedAmount,
		// OpenAI's defaults.
		Asked: sampling{Temperature: 1, TopP: 1},
	})
	if err != nil {
		return err
	}
	b.charged.Add(b.charged, number(bill.Charged))
	if bill.OutputTokens == 0 || b.charged.Sign() == 0 {
		return errors.New("an answer without tokens or without a charge")
	}
	if bill.Cumulative != b.charged.String() || response.Extra.ChannelState.ChargedCumulativeAmount != bill.Cumulative {
		return errors.New("the charges so far don't add up")
	}
	return nil
}

// refund takes the rest back: the voucher promises exactly what was charged.
func (b *buyer) refund() error {
	payload := map[string]any{"type": "refund", "channelConfig": b.config, "voucher": b.sign(b.charged)}
	return b.pay("/v1/channel", b.requirement, payload)
}

func report(ability string, err error) bool {
	result := "ok"
	if err != nil {
		result = err.Error()
	}
	line, _ := json.Marshal(map[string]string{"ability": ability, "result": result})
	fmt.Println(string(line))
	return err == nil
}

func main() {
	report("vectors", checkVectors(os.Getenv("IDLEWATT_CLIENT_VECTORS")))
	b, err := open()
	if err != nil {
		report("offer", err)
		return
	}
	defer b.host.Close()
	if !report("offer", b.readOffer()) || !report("models", b.models()) || !report("price", b.price()) {
		return
	}
	if err := b.deposit(); err != nil {
		report("buy", err)
		return
	}
	if report("buy", b.buy(false)) && report("buy streamed", b.buy(true)) {
		report("refund", b.refund())
	}
}
