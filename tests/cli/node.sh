#!/bin/bash
# SPDX-License-Identifier: MIT
# `tulle node` as a user meets it: usage, commands and their replies, back-pressure, the end of stdin, signals, pipes.
# usage: node.sh BUILD
build=$1
. "$(dirname "$0")/../support/cli.sh" "$build"
declare -A pid
cleanup() {
	for p in "${pid[@]}"; do kill -9 "$p" 2>/dev/null; done
	rm -rf "$tmp"
}
trap cleanup EXIT

wait_line() { # wait_line NAME PART [COUNT]: until COUNT lines of node NAME have PART; 20 s
	[ $failed -gt 5 ] && return 1 # no use in waiting any more
	for _ in {1..1000}; do
		[ "$(grep -cF -- "$2" "$tmp/$1.out" 2>/dev/null)" -ge "${3:-1}" ] && return 0
		sleep 0.02
	done
	failed=$((failed + 1))
	printf '%s never said: %s\n%s\n' "$1" "$2" "$(tail -n 5 "$tmp/$1.out" | cut -c1-200)"
	return 1
}

start() { # start NAME ARGS...: a node with a pipe to its stdin: say NAME LINE
	local name=$1 fd
	shift
	rm -f "$tmp/$name.in"
	mkfifo "$tmp/$name.in"
	"$tulle" node "$url" --loopback --json "$@" <"$tmp/$name.in" >>"$tmp/$name.out" 2>"$tmp/$name.err" &
	pid[$name]=$!
	exec {fd}>"$tmp/$name.in"
	eval "in_$name=$fd"
	wait_line "$name" '"event":"open"'
}
say() { # say NAME LINE
	local fd=in_$1
	printf '%s\n' "$2" >&"${!fd}"
}
hang_up() { # hang_up NAME: the end of its stdin
	local fd=in_$1
	eval "exec ${!fd}>&-"
}
ended() { # ended NAME: sets code
	wait "${pid[$1]}"
	code=$?
	unset "pid[$1]"
}
reply() { # reply NAME LINE-NUMBER: its reply
	wait_line "$1" "\"event\":\"reply\",\"line\":$2," && grep -F "\"event\":\"reply\",\"line\":$2," "$tmp/$1.out"
}

# -- usage ---------------------------------------------------------------------------------------
has "--help goes to stdout" "usage: tulle node URL" "$("$tulle" node --help)"
has "--hide-addresses" "names in the place of addresses" "$("$tulle" node --help)"
has "--tcp" "where UDP does not pass" "$("$tulle" node --help)"
has "--version" "tulle " "$("$tulle" node --version)"
for args in "" "--nonsense ws://127.0.0.1:1/" "ws://127.0.0.1:1/ --firewall" "http://127.0.0.1/" "localhost" \
	"ws://127.0.0.1:99999/" "ws://127.0.0.1:1/ --offer-data {" "ws://127.0.0.1:1/ --tcp-port 0" "ws://127.0.0.1:1/ --tcp-port 65536" "ws://127.0.0.1:1/ ws://127.0.0.1:1/"; do
	# shellcheck disable=SC2086
	"$tulle" node $args </dev/null >"$tmp/o" 2>"$tmp/e"
	is "node $args" "2 1 0" "$? $(wc -l <"$tmp/e") $(wc -l <"$tmp/o")"
	has "node $args: who says it" "tulle node: " "$(cat "$tmp/e")"
done
"$tulle" node ws://127.0.0.1:9/ </dev/null >"$tmp/o" 2>"$tmp/e"
is "no URL that opens is a failure" 1 $?
has "and says so" "no URL could be opened" "$(cat "$tmp/e")"
"$tulle" node ws://127.0.0.1:9/ --stay --json </dev/null >"$tmp/o" 2>"$tmp/e"
is "also with --stay" 1 $?
has "with the reason as an event" '{"event":"close","address":"ws://127.0.0.1:9/","reason":"no_path"}' "$(cat "$tmp/o")"

# -- two nodes and an onramp ---------------------------------------------------------------------
mkfifo "$tmp/ramp"
"$tulle" onramp --listen 127.0.0.1:0 >"$tmp/ramp" 2>/dev/null &
pid[ramp]=$!
exec {ramp}<"$tmp/ramp"
read -r -t 10 line <&"$ramp"
url=${line#listening on }

"$tulle" node ws://127.0.0.1:9/ "$url" </dev/null >"$tmp/o" 2>"$tmp/e"
is "one of two URLs is enough, and the end of stdin ends it" 0 $?
has "plain words without --json" "open $url" "$(cat "$tmp/o")"

start b --firewall 'se"cret' --stay
start a --name x
wait_line b '"event":"message"'
a=$(sed -n 's/.*"event":"message".*"json":"\([^"]*\)".*/\1/p' "$tmp/b.out")
wait_line a '"event":"message"'
b=$(sed -n 's/.*"event":"message".*"json":"\([^"]*\)".*/\1/p' "$tmp/a.out")
has "an announcement is a message of the onramp" "{\"event\":\"message\",\"address\":\"$url\",\"json\":\"$b\"}" "$(cat "$tmp/a.out")"

n=0
try() { # try NAME LINE PART: what node a replies to a line
	n=$((n + 1))
	say a "$2"
	has "$1" "$3" "$(reply a $n)"
}
ok='"ok":true}'
try "an unknown command" "dance $b" '"ok":false,"error":"argument"'
try "an empty line" "" '"error":"argument"'
try "connect without an address" "connect" '"error":"argument"'
try "connect with another word" "connect $b by $url" '"error":"argument"'
try "connect through one that is not there" "connect $b via nobody" '"error":"gone"'
try "offer data that is no JSON" "connect $b offer-data {" '"error":"syntax"'
try "an address that is too long" "connect $(printf 'x%.0s' {1..256})" '"error":"argument"'
try "send to one that is not there" "send $b 1" '"error":"gone"'
try "close likewise" "close $b" '"error":"gone"'
try "peers" "peers" "$ok"
has "the list of peers" "{\"event\":\"peers\",\"peers\":[{\"address\":\"$url\",\"via\":null,\"open\":true,\"kind\":\"websocket\"}]}" "$(cat "$tmp/a.out")"
n=$((n + 1))
printf 'send x\0y\n' >&"$in_a"
has "a NUL in a line" '"error":"syntax"' "$(reply a $n)"

try "the wrong offer data, as far as we can tell" "connect $b offer-data \"wrong\"" "$ok"
try "a connection that is there already" "connect $b" '"error":"state"'
try "send to one that is not open" "send $b 1" '"error":"state"'
try "close gives it up" "close $b" "$ok"
wait_line a "{\"event\":\"close\",\"address\":\"$b\",\"reason\":\"local\"}"
# Silence is proven by order: the allowed offer went after the refused one, the same way.
try "the right offer data, through the onramp by name" "connect $b via $url offer-data \"se\\\"cret\"" "$ok"
wait_line a "{\"event\":\"open\",\"address\":\"$b\"}"
wait_line b "{\"event\":\"open\",\"address\":\"$a\"}"
is "the firewall let one in" 1 "$(grep -c '"event":"connection".*"incoming":true' "$tmp/b.out")"
has "connection tells by whom" "{\"event\":\"connection\",\"address\":\"$b\",\"via\":\"$url\",\"incoming\":false}" "$(cat "$tmp/a.out")"

try "JSON is sent as it is written" "send $b {\"x\": [1.50, \"\\u00e9\", 1e3]}" "$ok"
wait_line b "{\"event\":\"message\",\"address\":\"$a\",\"json\":{\"x\": [1.50, \"\\u00e9\", 1e3]}}"
try "text with spaces, quotes and UTF-8" "text $b  hé \"€\" \\ 🎈 " "$ok"
wait_line b "\"json\":\" hé \\\"€\\\" \\\\ 🎈 \"}"
try "an empty text" "text $b" "$ok"
wait_line b "\"address\":\"$a\",\"json\":\"\"}"
try "text that is not UTF-8" "text $b $(printf '\377\376')" '"error":"syntax"'
try "what is not JSON" "send $b {" '"error":"syntax"'
try "nothing is not JSON" "send $b" '"error":"syntax"'
try "bytes" "bytes $b 00ff10AB" "$ok"
wait_line b "{\"event\":\"bytes\",\"address\":\"$a\",\"length\":4,\"hex\":\"00ff10ab\"}"
try "no bytes are a message" "bytes $b" "$ok"
wait_line b "{\"event\":\"bytes\",\"address\":\"$a\",\"length\":0,\"hex\":\"\"}"
try "an odd number of digits" "bytes $b abc" '"error":"syntax"'
try "digits that are none" "bytes $b 0g" '"error":"syntax"'
try "peers with a peer" "peers" "$ok"
has "its kind" "{\"address\":\"$b\",\"via\":\"$url\",\"open\":true,\"kind\":\"peer\"}" "$(cat "$tmp/a.out")"

# -- long lines ----------------------------------------------------------------------------------
long() { # long BYTES: a line of so many bytes in all, without its newline
	local head="text $b "
	printf '%s' "$head"
	head -c $(($1 - ${#head})) /dev/zero | tr '\0' 'y'
}
n=$((n + 1))
{ long 200000; echo; } >&"$in_a"
has "a long line" "$ok" "$(reply a $n)"
for extra in 0 1 300000; do
	n=$((n + 1))
	{ long $(((4 << 20) + extra)); echo; } >&"$in_a"
	got=$(reply a $n)
	has "a line of 4 MiB and $extra bytes is too large" '"error":"too_large"' "$got"
	case $extra in
	0) is "4 MiB may come: the message is what is too large" 0 "$(grep -c '4 MiB' <<<"$got")" ;;
	*) has "more is not read" 'the line is longer than 4 MiB' "$got" ;;
	esac
done
try "the line after it is whole" "text $b after" "$ok"
wait_line b '"json":"after"}'

# -- back-pressure: 64 MiB, faster than they can go; one read may hold many lines -----------------
count=256 size=262144
tail=$(head -c $((size * 2 - 8)) /dev/zero | tr '\0' 'a')
for ((i = 0; i < count; i++)); do printf 'bytes %s %08x%s\n' "$b" $i "$tail"; done >"$tmp/much"
cat "$tmp/much" >&"$in_a"
n=$((n + count))
reply a $n >/dev/null
is "no command fails by back-pressure" 0 "$(tail -n $count "$tmp/a.out" | grep -c '"ok":false')"
is "one reply a line, in order" "$(seq 1 $n)" "$(sed -n 's/^{"event":"reply","line":\([0-9]*\),.*/\1/p' "$tmp/a.out")"
wait_line b "\"length\":$size," $count
is "all of it arrives, in order" "$(for ((i = 0; i < count; i++)); do printf '%08x\n' $i; done)" \
	"$(sed -n "s/.*\"length\":$size,\"hex\":\"\(........\)a*\"}\$/\1/p" "$tmp/b.out")"
line="{\"event\":\"bytes\",\"address\":\"$a\",\"length\":$size,\"hex\":\"\"}"
is "and whole" $((count * (size * 2 + ${#line} + 1))) "$(grep -F "\"length\":$size," "$tmp/b.out" | wc -c)"
: >"$tmp/b.out"

# -- the end of stdin -----------------------------------------------------------------------------
# A mebibyte of it is on the way when the end comes.
head -n 12 "$tmp/much" >&"$in_a"
say a "text $b last words"
hang_up a
ended a
is "the end of stdin is a success" 0 "$code"
wait_line b '"json":"last words"}'
is "what was taken arrives" 12 "$(grep -cF "\"length\":$size," "$tmp/b.out")"
wait_line b "{\"event\":\"close\",\"address\":\"$a\",\"reason\":\"remote\"}"
is "after disconnection" 1 "$(grep -A1 '"event":"disconnection"' "$tmp/b.out" | grep -c "\"event\":\"close\",\"address\":\"$a\"")"
hang_up b
kill -0 "${pid[b]}" 2>/dev/null
is "with --stay it goes on" 0 $?

# The same 64 MiB from a file: one read holds more than a line may be long.
start c --auto --offer-data '"se\"cret"' --stay
wait_line c '"event":"connection"' 1
wait_line c "{\"event\":\"open\",\"address\":\"$b\"}"
pass_auto=$(grep -c "\"event\":\"connection\",\"address\":\"$b\"" "$tmp/c.out")
is "--auto connects to who was announced, --offer-data goes along" 1 "$pass_auto"
{ printf 'send x 1\n%.0s' {1..40000}; long 4400000; echo; printf 'peers\nquit\nsend x 1\n'; } >"$tmp/file"
"$tulle" node "$url" --json --loopback <"$tmp/file" >"$tmp/o" 2>"$tmp/e"
is "a file of commands" 0 $?
is "each has its reply, until quit" 40003 "$(grep -c '"event":"reply"' "$tmp/o")"
has "the long one too" '"line":40001,"ok":false,"error":"too_large"' "$(cat "$tmp/o")"
{ printf 'peers\n'; long 4400000; } >"$tmp/file"
"$tulle" node "$url" --json --loopback <"$tmp/file" >"$tmp/o" 2>"$tmp/e"
has "a last line without its end, too long" '"line":2,"ok":false,"error":"too_large"' "$(cat "$tmp/o")"
printf 'peers' | "$tulle" node "$url" --json --loopback >"$tmp/o" 2>"$tmp/e"
has "a last line without its end" '"line":1,"ok":true' "$(cat "$tmp/o")"

# -- signals and pipes ----------------------------------------------------------------------------
kill -INT "${pid[c]}"
ended c
is "SIGINT is a clean end" 0 "$code"
kill -TERM "${pid[b]}"
ended b
is "SIGTERM too" 0 "$code"
is "nothing stands on stderr" "" "$(cat "$tmp/a.err" "$tmp/b.err" "$tmp/c.err")"
mkfifo "$tmp/pipe"
exec 6<>"$tmp/pipe" 7>"$tmp/pipe" 6<&- # a pipe that nobody reads
timeout 10 "$tulle" node "$url" --stay </dev/null 2>"$tmp/e" >&7
is "a closed pipe is an end" 0 $?
is "a quiet one" "" "$(cat "$tmp/e")"
exec 7>&-
printf 'nonsense\nquit\n' | "$tulle" node "$url" >"$tmp/o" 2>"$tmp/e"
is "without --json a mistake is one line on stderr" 1 "$(grep -c '^tulle node: line 1: ' "$tmp/e")"
kill "${pid[ramp]}"
ended ramp

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
