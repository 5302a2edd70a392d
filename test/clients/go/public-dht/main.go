// Nodes of the public DHT as go-libp2p runs them. They print their addresses and the peers that they find under a key, and one
// of them provides that key itself, until standard input ends.
package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p"
	dht "github.com/libp2p/go-libp2p-kad-dht"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multihash"
)

const nodes = 5

func print(kind string, value any) {
	line, _ := json.Marshal(map[string]any{kind: value})
	fmt.Println(string(line))
}

func must[T any](value T, err error) T {
	if err != nil {
		print("failed", err.Error())
		os.Exit(1)
	}
	return value
}

// Private addresses count as public on loopback.
func open(ctx context.Context) (host.Host, *dht.IpfsDHT) {
	opened := must(libp2p.New(libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0")))
	node := must(dht.New(opened, dht.Mode(dht.ModeServer), dht.AddressFilter(nil), dht.QueryFilter(func(interface{}, peer.AddrInfo) bool { return true }), dht.RoutingTableFilter(func(interface{}, peer.ID) bool { return true })))
	return opened, node
}

func addressOf(opened host.Host) string {
	info := peer.AddrInfo{ID: opened.ID(), Addrs: opened.Addrs()}
	return must(peer.AddrInfoToP2pAddrs(&info))[0].String()
}

func main() {
	ctx := context.Background()
	digest := must(hex.DecodeString(os.Args[1]))
	key := cid.NewCidV1(cid.Raw, must(multihash.Encode(digest, multihash.SHA2_256)))
	var hosts []host.Host
	var tables []*dht.IpfsDHT
	for index := 0; index < nodes; index++ {
		opened, table := open(ctx)
		for _, other := range hosts {
			if err := opened.Connect(ctx, peer.AddrInfo{ID: other.ID(), Addrs: other.Addrs()}); err != nil {
				must(0, err)
			}
		}
		hosts, tables = append(hosts, opened), append(tables, table)
	}
	for tables[nodes-1].RoutingTable().Size() == 0 {
		time.Sleep(50 * time.Millisecond)
	}
	must(0, tables[nodes-1].Provide(ctx, key, true))
	print("provider", hosts[nodes-1].ID().String())
	print("addresses", []string{addressOf(hosts[0]), addressOf(hosts[1])})
	go func() {
		for {
			limited, cancel := context.WithTimeout(ctx, 10*time.Second)
			for info := range tables[2].FindProvidersAsync(limited, key, 20) {
				print("found", info.ID.String())
			}
			cancel()
			time.Sleep(200 * time.Millisecond)
		}
	}()
	_, _ = io.Copy(io.Discard, os.Stdin)
}
