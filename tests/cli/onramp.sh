#!/bin/bash
# SPDX-License-Identifier: MIT
# `tulle onramp` as a user meets it: usage, listening, pages, a WebSocket handshake, signals, a closed pipe.
# usage: onramp.sh BUILD
build=$1
. "$(dirname "$0")/../support/cli.sh" "$build"
pid=
trap 'if [ -n "$pid" ]; then kill "$pid" 2>/dev/null; fi; rm -rf "$tmp"' EXIT

start() { # start ARGS...: sets pid, and port from the first line that it says
	rm -f "$tmp/out"
	mkfifo "$tmp/out"
	"$tulle" onramp "$@" >"$tmp/out" 2>"$tmp/err" &
	pid=$!
	exec 3<"$tmp/out"
	read -r -t 10 line <&3
	port=${line##*:}
	port=${port%%/*}
}

stop() { # stop SIGNAL: sets code
	kill "-$1" "$pid"
	wait "$pid"
	code=$?
	pid=
	exec 3<&-
}

ask() { # ask TEXT: one request on a connection of its own; what came back, NULs and CRs dropped
	exec 4<>"/dev/tcp/127.0.0.1/$port"
	printf "$1" >&4
	timeout 5 cat <&4 | tr -d '\r\0'
	exec 4<&- 4>&-
}

out=$("$tulle" --version)
is "--version of the program" 0 $?
is "the same of the command" "$out" "$("$tulle" onramp --version)"
has "--help goes to stdout" "usage: tulle onramp" "$("$tulle" onramp --help)"
has "the program lists its commands" "onramp" "$("$tulle" --help)"

"$tulle" >"$tmp/o" 2>"$tmp/e"
is "no command is a usage error" 2 $?
is "and stdout stays empty" "" "$(cat "$tmp/o")"
is "and says so in one line" 1 "$(wc -l <"$tmp/e")"
"$tulle" nonsense 2>/dev/null
is "an unknown command is a usage error" 2 $?
for args in "--nonsense" "--listen" "--listen localhost" "--listen 1.2.3.4" "--listen [::1" \
	"--listen 127.0.0.1:99999" "--listen=::1:80"; do
	# shellcheck disable=SC2086
	"$tulle" onramp $args >"$tmp/o" 2>"$tmp/e"
	is "onramp $args" "2 1 0" "$? $(wc -l <"$tmp/e") $(wc -l <"$tmp/o")"
done
"$tulle" onramp --web "$tmp/none" 2>"$tmp/e"
is "a directory that is not there is a failure" 1 $?
has "and is named" "$tmp/none" "$(cat "$tmp/e")"

mkdir -p "$tmp/web/sub"
printf 'hello page' >"$tmp/web/index.html"
printf 'let a;' >"$tmp/web/sub/a b.js"
printf 'secret' >"$tmp/web/.hidden"
ln -s /etc/hostname "$tmp/web/link"
start --listen 127.0.0.1:0 --web "$tmp/web/"
has "it says where it listens" "listening on ws://127.0.0.1:$port/" "$line"
rm -r "$tmp/web"
has "pages come from memory" "hello page" "$(ask 'GET / HTTP/1.1\r\nHost: h\r\n\r\n')"
has "of sub-directories too" "let a;" "$(ask 'GET /sub/a%%20b.js HTTP/1.1\r\nHost: h\r\n\r\n')"
has "hidden files are not served" " 404 " "$(ask 'GET /.hidden HTTP/1.1\r\nHost: h\r\n\r\n')"
has "links are not followed" " 404 " "$(ask 'GET /link HTTP/1.1\r\nHost: h\r\n\r\n')"
has "a WebSocket needs the subprotocol p" "subprotocol p is needed" "$(ask "GET / HTTP/1.1\r\nHost: h\r\n\
Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
Sec-WebSocket-Version: 13\r\n\r\n")"
"$tulle" onramp --listen "127.0.0.1:$port" >"$tmp/o" 2>"$tmp/e"
is "a taken port is a failure" 1 $?
has "that names the port" "127.0.0.1:$port" "$(cat "$tmp/e")"
has "and the way out" "--listen" "$(cat "$tmp/e")"

exec 5<>"/dev/tcp/127.0.0.1/$port"
printf 'GET /any HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' >&5
printf 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n' >&5
printf 'Sec-WebSocket-Protocol: P\r\n\r\n' >&5
head=
while IFS= read -r -t 5 l <&5 && [ "$l" != $'\r' ]; do head=$head$l; done
has "a WebSocket is accepted" "101 Switching Protocols" "$head"
has "its subprotocol as it was sent" "Sec-WebSocket-Protocol: P" "$head"
has "its key answered" "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" "$head"
stop TERM
is "SIGTERM is a clean end" 0 "$code"
is "with a close frame, 1001" "880a03e973746f7070696e67" "$(timeout 5 cat <&5 | od -An -tx1 | tr -d ' \n')"
exec 5<&- 5>&-
is "nothing stands on stderr" "" "$(cat "$tmp/err")"

start --listen 127.0.0.1:0 --json
is "--json says it in JSON" "{\"event\":\"listening\",\"url\":\"ws://127.0.0.1:$port/\"}" "$line"
stop INT
is "SIGINT is a clean end" 0 "$code"

"$tulle" onramp --listen 127.0.0.1:0 2>"$tmp/err" >/dev/full
is "stdout that cannot be written ends it" 1 $?
mkfifo "$tmp/pipe"
exec 6<>"$tmp/pipe" 7>"$tmp/pipe" 6<&- # a pipe that nobody reads
"$tulle" onramp --listen 127.0.0.1:0 2>"$tmp/err" >&7
exec 7>&-
is "a closed pipe ends it quietly" "" "$(cat "$tmp/err")"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
