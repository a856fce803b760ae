#!/bin/bash
# SPDX-License-Identifier: MIT
# `tulle demo` as a user meets it: usage, a taken port, the mesh with and without a terminal, its page, its end.
# usage: demo.sh BUILD
build=$1
. "$(dirname "$0")/../support/cli.sh" "$build"
pid=
trap 'if [ -n "$pid" ]; then kill -9 "$pid" 2>/dev/null; fi; rm -rf "$tmp"' EXIT

wait_for() { # wait_for PART: until the demo has said it; 20 s
	for _ in {1..1000}; do
		grep -qF -- "$1" "$tmp/out" 2>/dev/null && return 0
		sleep 0.02
	done
	failed=$((failed + 1))
	printf 'never said: %s\n%s\n' "$1" "$(tail -n 5 "$tmp/out")"
	return 1
}

has "--help goes to stdout" "usage: tulle demo" "$("$tulle" demo --help)"
is "--version" "$("$tulle" --version)" "$("$tulle" demo --version)"
for args in "--nonsense" "--port" "--port 65536" "--port x" "extra"; do
	# shellcheck disable=SC2086
	"$tulle" demo $args >"$tmp/o" 2>"$tmp/e"
	is "demo $args" "2 1 0" "$? $(wc -l <"$tmp/e") $(wc -l <"$tmp/o")"
done
"$tulle" demo --web "$tmp/none" --port 0 >"$tmp/o" 2>"$tmp/e"
is "a page that is not there is a failure" 1 $?
has "and is named" "$tmp/none" "$(cat "$tmp/e")"

sh tools/demo.sh "$build" once >"$tmp/o" 2>"$tmp/e"
is "once: a success" 0 $?
is "nothing on stderr" "" "$(cat "$tmp/e")"
has "a node introduced another" "is connected to A, introduced by B" "$(cat "$tmp/o")"
has "a line was heard" "C hears from A: hello" "$(cat "$tmp/o")"
has "each lost the onramp" "C has lost the onramp: remote" "$(cat "$tmp/o")"
has "and says what it saw" "3 nodes, 3 connections, " "$(tail -n 1 "$tmp/o")"
is "all links stood at the end" 6 "$(grep -cE '^  [ABC] +[ABC] ' "$tmp/o")"

"$tulle" demo --port 0 >"$tmp/out" 2>"$tmp/err" &
pid=$!
wait_for "all nodes are connected"
port=$(sed -n 's/^the page: http:..127.0.0.1:\([0-9]*\)\/.*/\1/p' "$tmp/out")
exec 4<>"/dev/tcp/127.0.0.1/$port"
printf 'GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n' >&4
has "the page is served" 'src="demo.js"' "$(timeout 5 cat <&4)"
exec 4<&- 4>&-
sh tools/demo.sh "$build" "$port" >"$tmp/o" 2>"$tmp/e"
is "a taken port is a failure" 1 $?
has "that names the port" "127.0.0.1:$port is taken" "$(cat "$tmp/e")"
has "and the way out" "PORT=" "$(cat "$tmp/e")"
is "in one line" 1 "$(wc -l <"$tmp/e")"

"$tulle" node "ws://127.0.0.1:$port/" --stay --loopback --json </dev/null >"$tmp/guest" 2>/dev/null &
guest=$!
for _ in {1..500}; do # the nodes ask a stranger after their time of patience
	[ "$(grep -c '"demo":"hello"' "$tmp/guest")" -ge 3 ] && break
	sleep 0.02
done
is "a node that does not speak the demo's protocol is told its address all the same" 3 "$(grep -c '"demo":"hello"' "$tmp/guest")"
kill "$guest"
wait "$guest"
wait_for "has lost "
kill -INT $pid
wait $pid
is "SIGINT is a clean end" 0 $?
is "no escape sequences without a terminal" 0 "$(grep -c $'\033' "$tmp/out")"
is "nothing stands on stderr" "" "$(cat "$tmp/err")"
pid=

if command -v script >/dev/null; then
	# the shell that script starts gets Ctrl-C too: dash would die of it, so it has a trap of its own
	# Ctrl-C is typed when the table stands there; the input stays open until the end was seen
	for part in "introduced by" "code "; do
		for _ in {1..1000}; do
			grep -qaF -- "$part" "$tmp/tty" 2>/dev/null && break
			sleep 0.02
		done
		[ "$part" = "introduced by" ] && printf '\003'
	done | timeout 60 script -qec "trap : INT; stty -a >$tmp/before; $tulle demo --port 0; echo code \$?; stty -a >$tmp/after" /dev/null >"$tmp/tty" 2>&1
	has "on a terminal it draws in place" $'\033[' "$(cat "$tmp/tty")"
	has "the table of who is connected to whom" "introduced by" "$(cat "$tmp/tty")"
	has "Ctrl-C is a clean end" "code 0" "$(cat "$tmp/tty")"
	has "and the terminal is as it was" " echo " "$(cat "$tmp/before")"
	is "in all its settings" "$(cat "$tmp/before")" "$(cat "$tmp/after")"
	is "with its cursor, which was never hidden" 0 "$(grep -acF $'\033[?25l' "$tmp/tty")"
fi
exec 6>/dev/full
"$tulle" demo --once >&6 2>"$tmp/e"
is "stdout that cannot be written is a failure" 1 $?

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
