#!/bin/bash
# SPDX-License-Identifier: MIT
# Two `tulle node` that may use relayed addresses alone, over coturn by UDP, TCP and TLS, on loopback addresses in a
# network namespace of their own. usage: relayed.sh BUILD. Ends with "N passed, N failed".
if [ -z "$TULLE_IN_NS" ]; then
	command -v turnserver >/dev/null 2>&1 || { echo "relayed.sh: turnserver is not installed (Debian: coturn)" >&2; exit 1; }
	if [ "$(id -u)" -eq 0 ]; then how=-n; else how=-rn; fi
	TULLE_IN_NS=1 exec unshare $how bash "$0" "$@"
fi
build=$1
passed=0 failed=0
ip link set lo up || exit 1
log=$(mktemp -d) || exit 1
pids=() server='' second=''
end() {
	for p in "${pids[@]}" $server $second; do kill "$p" 2>/dev/null; done
	rm -rf "$log"
}
trap end EXIT

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=relay \
	-addext subjectAltName=IP:127.0.0.1 -keyout "$log/key" -out "$log/cert" 2>/dev/null || exit 1
serve() { # serve [OPTION...]
	turnserver -n --no-cli --no-dtls --log-file=stdout --simple-log --verbose --pidfile="$log/pid" --userdb="$log/db" \
		--listening-port=3478 --tls-listening-port=5349 --listening-ip=127.0.0.1 --relay-ip=127.0.0.1 \
		--cert="$log/cert" --pkey="$log/key" --allow-loopback-peers --lt-cred-mech --realm=example.org \
		--user=ann:secret "$@" >"$log/server" 2>&1 &
	server=$!
	for _ in $(seq 50); do
		(exec 3<>/dev/tcp/127.0.0.1/5349) 2>/dev/null && return
		sleep 0.1
	done
	cat "$log/server"
	exit 1
}
node() { # node NAME ARGUMENT...: its lines in $log/NAME, commands from $log/NAME.in
	local name=$1
	shift
	mkfifo "$log/$name.in" 2>/dev/null
	SSL_CERT_FILE=$log/cert "$build/tulle" node ws://127.0.0.1:20599/ --loopback --relay-only "$@" \
		<>"$log/$name.in" >"$log/$name" 2>"$log/$name.err" &
	pids+=($!)
}
wait_for() { # wait_for FILE PATTERN [SECONDS]
	for _ in $(seq $((${3:-10} * 20))); do
		grep -q "$2" "$1" 2>/dev/null && return 0
		sleep 0.05
	done
	return 1
}
note() { # note NAME CONDITION-CODE
	if [ "$2" -eq 0 ]; then
		passed=$((passed + 1))
		echo "ok   $1"
	else
		failed=$((failed + 1))
		echo "FAIL $1"
		tail -n 5 "$log"/a "$log"/b "$log"/a.err "$log"/b.err "$log/server"
	fi
}
leave() {
	for p in "${pids[@]}"; do kill "$p" && wait "$p"; done 2>/dev/null
	pids=()
	rm -f "$log"/a* "$log"/b* "$log"/ramp
}
ramp() {
	"$build/tulle" onramp --listen 127.0.0.1:20599 >"$log/ramp" 2>&1 &
	pids+=($!)
	wait_for "$log/ramp" . 5
}
# what the server says of allocations that packets of a peer came through, and of its streams
carried() { grep -c 'peer usage: .*rp=[1-9]' "$log/server"; }
streams() { grep -c 'tcp or tls connected to' "$log/server"; }
# pair NAME TURN-OF-A TURN-OF-B STREAMS: both connect, each hears the other, and the server carried it
pair() {
	local carried streams
	carried=$(carried) streams=$(streams)
	ramp
	node a --auto --turn "$2,ann,secret"
	wait_for "$log/a" open
	node b --turn "$3,ann,secret"
	local good=1 started=$EPOCHREALTIME
	if wait_for "$log/b" "^open [^w]" 15 && wait_for "$log/a" "^open [^w]"; then
		local took=$(((${EPOCHREALTIME/./} - ${started/./}) / 1000))
		local of_a of_b
		of_b=$(grep -o 'open [^w].*' "$log/a" | head -1 | cut -d' ' -f2)
		of_a=$(grep -o 'open [^w].*' "$log/b" | head -1 | cut -d' ' -f2)
		for i in $(seq 20); do
			echo "text $of_b from-a-$i" >"$log/a.in"
			echo "text $of_a from-b-$i" >"$log/b.in"
		done
		wait_for "$log/a" from-b-20 && wait_for "$log/b" from-a-20 && good=0
	fi
	note "$1${took:+: open after $took ms}" $good
	leave
	for _ in $(seq 100); do
		[ "$(carried)" -ge $((carried + 2)) ] && break
		sleep 0.05
	done
	[ "$(carried)" -eq $((carried + 2)) ] && [ "$(streams)" -eq $((streams + $4)) ]
	note "$1: both went through the server, with $4 streams" $?
}
serve
pair "UDP and UDP" turn:127.0.0.1 turn:127.0.0.1 0
pair "UDP and TCP" turn:127.0.0.1 "turn:127.0.0.1?transport=tcp" 1
pair "TCP and TLS" "turn:127.0.0.1?transport=tcp" turns:127.0.0.1 2
pair "TLS and TLS" turns:127.0.0.1 turns:127.0.0.1 2
# Allocations are given up at the end: with a quota of two the next pair gets its own.
kill "$server"; wait "$server" 2>/dev/null
serve --user-quota=2
pair "a quota of two" turn:127.0.0.1 turn:127.0.0.1 0
sleep 2 # coturn takes a second to forget them
pair "again" turn:127.0.0.1 turn:127.0.0.1 0
# A server dies without a word: the other takes over, and what was sent meanwhile arrives. Which of the two was in use
# is not known, so each dies once.
takeover() { # takeover WHICH: server, second
	kill "$server" 2>/dev/null
	wait "$server" 2>/dev/null
	serve
	turnserver -n --no-cli --no-tls --no-dtls --log-file=stdout --simple-log --pidfile="$log/pid2" \
		--userdb="$log/db2" --listening-port=3480 --listening-ip=127.0.0.1 --relay-ip=127.0.0.1 \
		--allow-loopback-peers --lt-cred-mech --realm=example.org --user=ann:secret >"$log/second" 2>&1 &
	second=$!
	sleep 0.5
	ramp
	node a --auto --turn turn:127.0.0.1,ann,secret --turn turn:127.0.0.1:3480,ann,secret
	wait_for "$log/a" open
	node b --turn turn:127.0.0.1,ann,secret --turn turn:127.0.0.1:3480,ann,secret
	local good=1 took=never to started i
	if wait_for "$log/b" "^open [^w]" 15 && wait_for "$log/a" "^open [^w]"; then
		to=$(grep '^open [^w]' "$log/a" | head -1 | cut -d' ' -f2)
		kill -9 "${!1}"
		wait "${!1}" 2>/dev/null
		started=$EPOCHREALTIME
		for i in $(seq 100); do echo "text $to after-$i" >"$log/a.in"; done
		wait_for "$log/b" after-100 40 && [ "$(grep -c after- "$log/b")" -eq 100 ] && good=0
		took=$(((${EPOCHREALTIME/./} - ${started/./}) / 1000))
	fi
	note "$1 killed, all has come after $took ms" $good
	leave
	kill "$second" 2>/dev/null
	wait "$second" 2>/dev/null
}
takeover server
takeover second
kill "$server" 2>/dev/null
serve
# What goes wrong is said.
ramp
node a --auto --turn turn:127.0.0.1,ann,wrong
node b --turn turns:127.0.0.1:3479,ann,secret

wait_for "$log/a" open
wait_for "$log/b" open
wait_for "$log/a.err" unauthorized
note "a wrong password is said" $?
wait_for "$log/b.err" "cannot be reached"
note "a server that is not there is said" $?
leave
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
