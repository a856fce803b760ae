#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs a command in a network namespace of its own: loopback, and an interface that is not loopback and can
# multicast (a veth pair, both ends inside), for browsers offer no loopback. usage: in-ns.sh COMMAND...
if [ -z "$TULLE_IN_NS" ]; then
	if [ "$(id -u)" -eq 0 ]; then how=-n; else how=-rmn; fi
	if ! why=$(unshare $how true 2>&1); then
		echo "in-ns.sh: no network namespace can be made here (unshare $how: $why): be root, or" >&2
		echo "in-ns.sh: have user namespaces allowed (sysctl kernel.unprivileged_userns_clone=1)" >&2
		exit 1
	fi
	TULLE_IN_NS=1 exec unshare $how sh "$0" "$@"
fi
ip link set lo up &&
	ip link add v0 type veth peer name v1 &&
	ip addr add 10.77.0.1/24 dev v0 &&
	ip -6 addr add fd77::1/64 dev v0 nodad &&
	ip link set v1 up &&
	ip link set v0 up &&
	ip route add default via 10.77.0.254 || {
	echo "in-ns.sh: the interface pair could not be made" >&2
	exit 1
}
exec "$@"
