#!/usr/bin/env bash
# Builds a small internet in network namespaces: one public bridge, public hosts, and two home routers that masquerade and
# drop what strangers send. Run it where /run is private (test/lab/lab.ts): its namespaces then end with their last process.
#
#   nat-lab.sh up            builds everything
#   nat-lab.sh loss PERCENT  drops packets at random at both routers; 0 turns it off
#   nat-lab.sh cut HOST      takes a host off the net
#   nat-lab.sh add HOST IP   adds a public host
#
#   public   net (the bridge)  boot 45.0.0.10  boot2 45.0.0.11  relay 45.0.0.20  relay2 45.0.0.21  pub 45.0.0.30
#   home 1   nat1 45.0.0.101   p 192.168.101.2
#   home 2   nat2 45.0.0.102   r 192.168.102.2
#
# The public addresses are not private ones, because libp2p doesn't announce those to strangers.
set -euo pipefail

ns() { ip -n "$1" "${@:2}"; }
host() { ip netns add "$1"; ns "$1" link set lo up; }
bridge() { ns "$1" link add br0 type bridge mcast_snooping 0; ns "$1" link set br0 up; }

# wire HOST ADDRESS BRIDGE-HOST [GATEWAY]: connects a host to the bridge of another.
wire() {
  ip link add eth0 netns "$1" type veth peer name "v-$1" netns "$3"
  ns "$3" link set "v-$1" master br0 up
  ns "$1" addr add "$2" dev eth0
  ns "$1" link set eth0 up
  if [ -n "${4:-}" ]; then ns "$1" route add default via "$4"; fi
}

# router NAME PUBLIC-ADDRESS LAN-NET
router() {
  host "$1"
  bridge "$1"
  ns "$1" addr add "$3.1/24" dev br0
  ip link add wan netns "$1" type veth peer name "v-$1" netns net
  ns net link set "v-$1" master br0 up
  ns "$1" addr add "$2/8" dev wan
  ns "$1" link set wan up
  ip netns exec "$1" sysctl -qw net.ipv4.ip_forward=1
  ip netns exec "$1" nft -f - <<'RULES'
table ip lab {
  chain post { type nat hook postrouting priority srcnat; oifname wan masquerade
  }
  chain input { type filter hook input priority filter; iifname wan ct state new drop
  }
  chain forward { type filter hook forward priority filter; iifname wan ct state new drop
  }
  chain loss { type filter hook forward priority -10;
  }
}
RULES
}

up() {
  host net
  bridge net
  for each in boot:10 boot2:11 relay:20 relay2:21 pub:30; do
    host "${each%:*}"
    wire "${each%:*}" "45.0.0.${each#*:}/8" net
  done
  router nat1 45.0.0.101 192.168.101
  router nat2 45.0.0.102 192.168.102
  host p
  wire p 192.168.101.2/24 nat1 192.168.101.1
  host r
  wire r 192.168.102.2/24 nat2 192.168.102.1
}

add() {
  host "$1"
  wire "$1" "$2/8" net
}

loss() {
  for name in nat1 nat2; do
    ip netns exec "$name" nft flush chain ip lab loss
    if [ "$1" -gt 0 ]; then ip netns exec "$name" nft add rule ip lab loss numgen random mod 100 '<' "$1" drop; fi
  done
}

case ${1:-} in
  up) up ;;
  loss) loss "$2" ;;
  cut) ns "$2" link set eth0 down ;;
  add) add "$2" "$3" ;;
  *) sed -n '2,14p' "$0" >&2; exit 2 ;;
esac
