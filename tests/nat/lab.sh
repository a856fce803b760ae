#!/bin/bash
# SPDX-License-Identifier: MIT
# A laboratory of NATs out of network namespaces: a public host with coturn and, of each kind, two hosts a-KIND and
# b-KIND, each behind a box n-SIDE-KIND of its own:
#   a-cone --(10.1.N.0/24)-- n-a-cone ==(203.0.113.0/24, a bridge in pub)== n-b-cone --(10.2.N.0/24)-- b-cone
# Kinds (RFC 4787, 4 and 5): public (no box), full, restricted and cone map alike for all; full lets all in, restricted
# who was sent to by address, cone by address and port; symmetric maps anew for each destination; tcp443 lets nothing
# out but TCP to port 443. dual and six have no box: both families, and IPv6 alone. `moving` has two cones, at eth0 and
# eth1, of 50 Mbit/s.
# All lives in a mount namespace of its own: two laboratories side by side do not meet, and nothing is left behind.
# usage: lab.sh COMMAND...: within the laboratory; `ip netns exec HOST ...` gets to a host.
# The servers: 203.0.113.1 and 2001:db8::1, ports 3478 and 443 (TCP, TLS too), user ann, password secret.
set -eu
if [ -z "${TULLE_IN_LAB:-}" ]; then
	for command in ip tc iptables turnserver openssl; do
		command -v $command >/dev/null 2>&1 || {
			echo "lab.sh: $command is not installed; \`make deps-interop-nat\` installs what is needed" >&2
			exit 1
		}
	done
	if [ "$(id -u)" -eq 0 ]; then how=-mn; else how=-rmn; fi
	TULLE_IN_LAB=1 exec unshare $how bash "$0" "$@"
fi
mkdir -p /run/netns && mount -t tmpfs none /run/netns
log=$(mktemp -d)
server=
end() {
	[ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null || true
	rm -rf "$log"
}
trap end EXIT

space() { # space NAME
	ip netns add "$1"
	ip -n "$1" link set lo up
}
set_in() { # set_in NAME SETTING=VALUE...
	local name=$1
	shift
	ip netns exec "$name" sysctl -qw "$@"
}
outside() { # outside NAME N: an interface on the bridge
	ip -n "$1" link add out0 type veth peer name "p$2" netns pub
	ip -n pub link set "p$2" master br0 up
	ip -n "$1" link set out0 up
}
public() { # public HOST N KIND
	space "$1"
	[ "$3" != public ] || set_in "$1" net.ipv6.conf.all.disable_ipv6=1
	outside "$1" "$2"
	if [ "$3" != six ]; then
		ip -n "$1" addr add "203.0.113.$2/24" dev out0
		ip -n "$1" route add default via 203.0.113.1
	fi
	if [ "$3" != public ]; then
		ip -n "$1" addr add "2001:db8::$2/64" dev out0 nodad
		ip -n "$1" route add default via 2001:db8::1
	fi
}
# What comes unasked is dropped, for the box itself too: connection tracking would else have an entry of it, give a
# later mapping another port than the one that servers saw, and be symmetric by accident.
filter() { # filter BOX INNER KIND: the rules of its kind
	cat <<-RULES
		*nat
		-A POSTROUTING -o out0 -j MASQUERADE$([ "$3" != symmetric ] || echo " --random-fully")
		$(case $3 in full | restricted) echo "-A PREROUTING -i out0 -p udp -j DNAT --to-destination $2.2" ;; esac)
		COMMIT
		*filter
		-A INPUT -i out0 -j DROP
		$(case $3 in
		full) echo "-A FORWARD -i out0 -p udp -j ACCEPT" ;;
		restricted)
			echo "-A FORWARD -o out0 -m recent --name sent --set --rdest"
			echo "-A FORWARD -i out0 -m recent --name sent --rcheck --rsource --seconds 30 -j ACCEPT"
			;;
		tcp443)
			echo "-A FORWARD -o out0 -p tcp --dport 443 -j ACCEPT"
			echo "-A FORWARD -o out0 -j DROP"
			;;
		esac)
		-A FORWARD -i out0 -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
		-A FORWARD -i out0 -j DROP
		COMMIT
	RULES
}
behind() { # behind HOST INNER N KIND [ETH]: the interface ETH (eth0) of HOST behind a box of its own
	local host=$1 inner=$2 eth=${5:-eth0} box=n-$1${5:+-$5}
	space "$box"
	set_in "$host" net.ipv6.conf.all.disable_ipv6=1
	set_in "$box" net.ipv6.conf.all.disable_ipv6=1 net.ipv4.ip_forward=1
	ip -n "$host" link add "$eth" type veth peer name in0 netns "$box"
	ip -n "$host" addr add "$inner.2/24" dev "$eth"
	ip -n "$host" link set "$eth" up
	ip -n "$box" addr add "$inner.1/24" dev in0
	ip -n "$box" link set in0 up
	ip -n "$host" route add default via "$inner.1" dev "$eth" metric "$3"
	outside "$box" "$3"
	ip -n "$box" addr add "203.0.113.$3/24" dev out0
	ip -n "$box" route add default via 203.0.113.1
	filter "$box" "$inner" "$4" | ip netns exec "$box" iptables-restore
}

space pub
ip -n pub link add br0 type bridge
ip -n pub addr add 203.0.113.1/24 dev br0
ip -n pub addr add 2001:db8::1/64 dev br0 nodad
ip -n pub link set br0 up
# Private addresses of others are candidates too. What goes there is lost somewhere, without an error here, of which
# coturn would end the whole allocation.
ip -n pub link add void type veth peer name end
ip -n pub link set void arp off up
ip -n pub link set end up
ip -n pub route add default dev void
ip -n pub route add 2000::/3 dev void
n=10
for kind in public dual six full restricted cone symmetric tcp443; do
	n=$((n + 1))
	case $kind in
	public | dual | six)
		public "a-$kind" $n $kind
		public "b-$kind" $((n + 100)) $kind
		;;
	*)
		space "a-$kind"
		space "b-$kind"
		behind "a-$kind" "10.1.$n" $n $kind
		behind "b-$kind" "10.2.$n" $((n + 100)) $kind
		;;
	esac
done
space moving
for eth in eth0 eth1; do
	n=$((n + 1))
	behind moving "10.1.$n" $n cone $eth
	for dev in in0 out0; do
		ip netns exec "n-moving-$eth" tc qdisc add dev $dev root tbf rate 50mbit burst 32k latency 50ms
	done
done

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=relay \
	-addext "subjectAltName=IP:203.0.113.1,IP:2001:db8::1" -keyout "$log/key" -out "$log/cert" 2>/dev/null
ip netns exec pub turnserver -n --no-cli --no-dtls --log-file=stdout --simple-log --pidfile="$log/pid" \
	--userdb="$log/db" --listening-port=3478 --tls-listening-port=443 --cert="$log/cert" --pkey="$log/key" \
	--listening-ip=203.0.113.1 --listening-ip=2001:db8::1 --relay-ip=203.0.113.1 --relay-ip=2001:db8::1 \
	--lt-cred-mech --realm=example.org --user=ann:secret >"$log/server" 2>&1 &
server=$!
for i in $(seq 100); do
	ip netns exec pub bash -c 'exec 3<>/dev/tcp/203.0.113.1/443' 2>/dev/null && break
	[ "$i" -lt 100 ] || { cat "$log/server" && exit 1; }
	sleep 0.1
done
export SSL_CERT_FILE=$log/cert
code=0
"$@" || code=$?
exit $code
