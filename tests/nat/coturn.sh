#!/bin/sh
# SPDX-License-Identifier: MIT
# The TURN client against coturn on loopback addresses, in a network namespace of its own. usage: coturn.sh BUILD
# (make BUILD/turnpair first). Ends with "N passed, N failed".
if [ -z "$TULLE_IN_NS" ]; then
	command -v turnserver >/dev/null 2>&1 || { echo "coturn.sh: turnserver is not installed (Debian: coturn)" >&2; exit 1; }
	if [ "$(id -u)" -eq 0 ]; then how=-n; else how=-rn; fi
	TULLE_IN_NS=1 exec unshare $how sh "$0" "$@"
fi
build=$1
passed=0 failed=0 server=
ip link set lo up || exit 1
log=$(mktemp -d) || exit 1
end() {
	[ -z "$server" ] || kill "$server" 2>/dev/null
	rm -rf "$log"
}
trap end EXIT
serve() { # serve OPTION...: a server of its own for each group of cases
	[ -z "$server" ] || { kill "$server"; wait "$server"; } 2>/dev/null
	turnserver -n --no-cli --no-tls --no-dtls --log-file=stdout --simple-log --pidfile="$log/pid" --userdb="$log/db" \
		--listening-port=3478 --listening-ip=127.0.0.1 --listening-ip=::1 --relay-ip=127.0.0.1 --relay-ip=::1 \
		--allow-loopback-peers --lt-cred-mech --realm=example.org --user=ann:secret "$@" >"$log/server" 2>&1 &
	server=$!
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do # until it answers a Binding request
		"$build/turnpair" 127.0.0.1 3478 udp ann secret reflexive >/dev/null 2>&1 && return
	done
	cat "$log/server"
	echo "coturn.sh: the server does not answer" >&2
	exit 1
}
t() { # t NAME ARGUMENT...
	name=$1
	shift
	if out=$("$build/turnpair" "$@" 2>&1); then
		passed=$((passed + 1))
		echo "ok   $name: $out"
	else
		failed=$((failed + 1))
		echo "FAIL $name: $out"
		tail -n 20 "$log/server"
	fi
}
serve --fingerprint
t "a Binding request" 127.0.0.1 3478 udp ann secret reflexive
t "UDP" 127.0.0.1 3478 udp ann secret
t "TCP" 127.0.0.1 3478 tcp ann secret
t "UDP over IPv6" ::1 3478 udp ann secret
t "UDP, relayed IPv6" 127.0.0.1 3478 udp ann secret v6
t "TCP, relayed IPv6" ::1 3478 tcp ann secret v6
t "a wrong password" 127.0.0.1 3478 udp ann wrong expect=unauthorized
t "a wrong name" 127.0.0.1 3478 tcp bob secret expect=unauthorized
serve --user-quota=1
t "a quota" 127.0.0.1 3478 udp ann secret expect=second:quota
serve --denied-peer-ip=127.0.0.0-127.255.255.255
t "a forbidden peer" 127.0.0.1 3478 udp ann secret refused=403
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
