#!/usr/bin/env bash
# Builds the LAN of an office in network namespaces: hosts at one switch, without a router, so that there is no internet. Run
# it where /run is private (test/lab/lab.ts): its namespaces then end with their last process.
#
#   office-lab.sh up        builds everything
#   office-lab.sh cut HOST  takes a host off the LAN
#
#   net (the switch)  front 10.99.0.1  desk 10.99.0.2  render 10.99.0.3  meeting 10.99.0.4  stranger 10.99.0.9
set -euo pipefail
# npm puts the programs of packages first, and one of them is called nft, too.
PATH=/usr/sbin:/sbin:/usr/bin:/bin:$PATH

host() { ip netns add "$1"; ip -n "$1" link set lo up; }

up() {
  host net
  ip -n net link add br0 type bridge mcast_snooping 0
  ip -n net link set br0 up
  for each in front:1 desk:2 render:3 meeting:4 stranger:9; do
    name=${each%:*}
    host "$name"
    ip link add eth0 netns "$name" type veth peer name "v-$name" netns net
    ip -n net link set "v-$name" master br0 up
    ip -n "$name" addr add "10.99.0.${each#*:}/24" dev eth0
    ip -n "$name" link set eth0 up
    ip -n "$name" route add 224.0.0.0/4 dev eth0
  done
}

case ${1:-} in
  up) up ;;
  cut) ip -n "$2" link set eth0 down ;;
  *) sed -n '2,9p' "$0" >&2; exit 2 ;;
esac
