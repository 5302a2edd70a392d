#!/usr/bin/env bash
# Builds a small internet in network namespaces: one public bridge, public hosts, and home routers that masquerade and drop
# what strangers send. Run it where /run is private (test/lab/lab.ts): its namespaces then end with their last process.
#
#   nat-lab.sh up [MS]              builds everything; each packet between a router and the bridge takes that long
#   nat-lab.sh loss PERCENT [NAME]  drops packets at random at all routers or at one of them; 0 turns it off
#   nat-lab.sh wall NAME PORT       lets a home connect to nothing but this TCP port
#   nat-lab.sh open NAME [NATPMP]   has a router forward ports on request (miniupnpd), by UPnP and, unless NATPMP is no, NAT-PMP
#   nat-lab.sh closed NAME          fails while such a router forwards a port
#   nat-lab.sh forward NAME PORT    has a router forward this TCP port to its home, as an owner does by hand
#   nat-lab.sh cut HOST             takes a public host off the net
#   nat-lab.sh mend HOST            brings it back
#   nat-lab.sh add HOST IP          adds a public host
#   nat-lab.sh six HOST IPV6        adds one that has IPv6 alone
#
#   public   net (the bridge)  boot 45.0.0.10  boot2 45.0.0.11  relay 45.0.0.20  relay2 45.0.0.21  pub 45.0.0.30
#   home 1   nat1 45.0.0.101   p 192.168.101.2
#   home 2   nat2 45.0.0.102   r 192.168.102.2
#   home 3   nat3 45.0.0.103   q 192.168.103.2
#
# The public addresses are not private ones, because libp2p doesn't announce those to strangers.
set -euo pipefail
# npm puts the programs of packages first, and one of them is called nft, too.
PATH=/usr/sbin:/sbin:/usr/bin:/bin:$PATH

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
  if [ "$DELAY" -gt 0 ]; then
    ns "$1" tuntap add dev wan mode tap
    ns net tuntap add dev "t-$1" mode tap
    ns net link set "t-$1" master br0 up
  else
    ip link add wan netns "$1" type veth peer name "v-$1" netns net
    ns net link set "v-$1" master br0 up
  fi
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
  chain wall { type filter hook forward priority -5;
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
  for each in 1:p 2:r 3:q; do
    home=192.168.10${each%:*}
    router "nat${each%:*}" "45.0.0.10${each%:*}" "$home"
    host "${each#*:}"
    wire "${each#*:}" "$home.2/24" "nat${each%:*}" "$home.1"
  done
  if [ "$DELAY" -gt 0 ]; then
    for name in nat1 nat2 nat3; do
      # The shell would replace the standard input of a process in the background.
      exec 3<&0
      python3 "$(dirname "$0")/slow-link.py" "$name" net "t-$name" "$DELAY" <&3 >/dev/null &
    done
  fi
}

add() {
  host "$1"
  wire "$1" "$2/8" net
}

six() {
  host "$1"
  ip link add eth0 netns "$1" type veth peer name "v-$1" netns net
  ns net link set "v-$1" master br0 up
  ns "$1" link set eth0 up
  ns "$1" addr add "$2/16" dev eth0 nodad
}

loss() {
  for name in ${2:-nat1 nat2 nat3}; do
    ip netns exec "$name" nft flush chain ip lab loss
    if [ "$1" -ge 100 ]; then ip netns exec "$name" nft add rule ip lab loss drop
    elif [ "$1" -gt 0 ]; then ip netns exec "$name" nft add rule ip lab loss numgen random mod 100 '<' "$1" drop; fi
  done
}

wall() {
  ip netns exec "$1" nft add rule ip lab wall iifname br0 meta l4proto '{ tcp, udp }' th dport != "$2" drop
}

open() {
  ip netns exec "$1" nft -f - <<'RULES'
insert rule ip lab forward iifname wan ct status dnat accept
table inet filter {
  chain miniupnpd {
  }
  chain forward { type filter hook forward priority 1; jump miniupnpd
  }
  chain prerouting_miniupnpd {
  }
  chain prerouting { type nat hook prerouting priority dstnat; jump prerouting_miniupnpd
  }
  chain postrouting_miniupnpd {
  }
  chain postrouting { type nat hook postrouting priority 99; jump postrouting_miniupnpd
  }
}
RULES
  cat >"/run/$1.conf" <<SETTINGS
ext_ifname=wan
listening_ip=br0
enable_upnp=yes
enable_natpmp=${2:-yes}
secure_mode=yes
allow 1024-65535 192.168.0.0/16 1024-65535
SETTINGS
  ip netns exec "$1" miniupnpd -P "/run/$1.pid" -f "/run/$1.conf"
}

# A grep that ends early would break the pipe, which counts as a failure of the whole line.
closed() { ! ip netns exec "$1" nft list chain inet filter prerouting_miniupnpd | grep dnat >/dev/null; }

forward() {
  home=$(ip netns exec "$1" ip -4 -o addr show dev br0 | sed 's/.*inet \([0-9.]*\)\.1\/.*/\1.2/')
  ip netns exec "$1" nft -f - <<RULES
insert rule ip lab forward iifname wan ct status dnat accept
table ip forwarded {
  chain prerouting { type nat hook prerouting priority dstnat; iifname wan tcp dport $2 dnat to $home
  }
}
RULES
}

case ${1:-} in
  up) DELAY=${2:-0}; up ;;
  loss) loss "${@:2}" ;;
  wall) wall "$2" "$3" ;;
  open) open "${@:2}" ;;
  closed) closed "$2" ;;
  forward) forward "$2" "$3" ;;
  cut) ns "$2" link set eth0 down ;;
  mend) ns "$2" link set eth0 up ;;
  add) add "$2" "$3" ;;
  six) six "$2" "$3" ;;
  *) sed -n '2,21p' "$0" >&2; exit 2 ;;
esac
