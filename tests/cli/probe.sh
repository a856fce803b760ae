#!/bin/bash
# SPDX-License-Identifier: MIT
# `tulle probe` as a user meets it: usage, and what it says of NATs, out of two STUN servers that say what they are told.
# usage: probe.sh BUILD
build=$1
. "$(dirname "$0")/../support/cli.sh" "$build"
pid=
stop_stun() { if [ -n "$pid" ]; then kill "$pid" 2>/dev/null; fi; }
trap 'stop_stun; rm -rf "$tmp"' EXIT

cat >"$tmp/stun.py" <<'PY'
"""Two STUN servers on 127.0.0.1, which see everyone at 203.0.113.7 and at ports of their own."""
import select
import socket
import struct
import sys

COOKIE = 0x2112A442
servers = {}
for port in sys.argv[1:]:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 0))
    servers[s] = int(port)
    print(s.getsockname()[1], flush=True)
while True:
    for s in select.select(list(servers), [], [])[0]:
        data, who = s.recvfrom(2048)
        if data[:2] != b"\0\1":
            continue
        mapped = struct.pack("!BBHI", 0, 1, servers[s] ^ COOKIE >> 16, 0xCB007107 ^ COOKIE)
        s.sendto(struct.pack("!HHI", 0x101, 12, COOKIE) + data[8:20] + struct.pack("!HH", 0x20, 8) + mapped, who)
PY

probe() { # probe PORT PORT: with two servers that see us at these ports; sets out and code
	stop_stun
	rm -f "$tmp/ports"
	mkfifo "$tmp/ports"
	python3 "$tmp/stun.py" "$@" >"$tmp/ports" &
	pid=$!
	{ read -r -t 10 one && read -r -t 10 two; } <"$tmp/ports"
	out=$("$tulle" probe --loopback --stun "stun:127.0.0.1:$one" --stun "stun:127.0.0.1:$two" 2>"$tmp/err")
	code=$?
}

for args in --nonsense --stun "--stun x" "--turn turn:127.0.0.1" "--turn turn:127.0.0.1,u" "--stun turns:127.0.0.1"; do
	# shellcheck disable=SC2086 # words
	"$tulle" probe $args </dev/null >"$tmp/o" 2>"$tmp/e"
	is "probe $args" "2 1 0" "$? $(wc -l <"$tmp/e") $(wc -l <"$tmp/o")"
done
has "help says what it is for" "which servers answer" "$("$tulle" probe --help)"
is "version" "tulle 0.1.0" "$("$tulle" probe --version)"

out=$("$tulle" probe --loopback)
is "without a server the addresses count" 0 $?
has "they are named" "address of this machine: 127.0.0.1:" "$out"
has "UDP was not tried" "UDP: not tried" "$out"
has "nor TLS, and how" "TLS: not tried (--turn turns:HOST:443,...)" "$out"

probe 5000 5000
is "one mapping: success" "0 " "$code $(cat "$tmp/err")"
has "one mapping: the address outside" "seen by a STUN or TURN server as 203.0.113.7:5000" "$out"
has "one mapping: UDP passes" "UDP: passes" "$out"
has "one mapping: the kind" "NAT: one outer address for all destinations" "$out"
has "one mapping: no relay" "No relay was found" "$out"

probe 5000 5001
has "two mappings: symmetric" "(symmetric)" "$out"
has "two mappings: what to do" "name a TURN server" "$out"

"$tulle" probe --loopback >/dev/full 2>"$tmp/err"
is "an output that is full is a failure" 1 $?
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
