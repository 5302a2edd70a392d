// go-libp2p's HTTP client, which half-closes its stream after each request.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/peer"
	libp2phttp "github.com/libp2p/go-libp2p/p2p/http"
)

func report(ability string, err error) {
	result := "ok"
	if err != nil {
		result = err.Error()
	}
	line, _ := json.Marshal(map[string]string{"ability": ability, "result": result})
	fmt.Println(string(line))
}

func expect(client *http.Client, method string, path string, body string, status int, text string) error {
	request, err := http.NewRequest(method, path, bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != status || !bytes.Contains(answer, []byte(text)) {
		return fmt.Errorf("status %d: %.100s", response.StatusCode, answer)
	}
	if status == http.StatusPaymentRequired && response.Header.Get("Payment-Required") == "" {
		return fmt.Errorf("no payment requirements")
	}
	return nil
}

func open() (*http.Client, error) {
	host, err := libp2p.New(libp2p.NoListenAddrs)
	if err != nil {
		return nil, err
	}
	info, err := peer.AddrInfoFromString(os.Getenv("IDLEWATT_CLIENT_PROVIDER_ADDRESS"))
	if err != nil {
		return nil, err
	}
	client := &libp2phttp.Host{StreamHost: host}
	transport, err := client.NewConstrainedRoundTripper(*info)
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}, nil
}

func main() {
	client, err := open()
	if err != nil {
		report("models", err)
		return
	}
	model := os.Getenv("IDLEWATT_CLIENT_MODEL")
	chat := fmt.Sprintf(`{"model": %q, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9}`, model)
	report("models", expect(client, "GET", "/v1/models", "", http.StatusOK, model))
	err = expect(client, "GET", "/v1/chat/completions", "", http.StatusPaymentRequired, "")
	if err == nil {
		err = expect(client, "POST", "/v1/chat/completions", chat, http.StatusPaymentRequired, "")
	}
	report("price", err)
}
