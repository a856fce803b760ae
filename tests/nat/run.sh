#!/bin/sh
# SPDX-License-Identifier: MIT
# All that needs NATs or a TURN server, added up. usage: run.sh [FILTER...]: the pairings whose names contain one of
# these alone. TULLE_BUILD: the build directory (build).
here=$(cd "$(dirname "$0")" && pwd) || exit 1
build=${TULLE_BUILD:-build}
sh "$here/../interop/libraries.sh" || exit 1
passed=0 failed=0
log=$(mktemp -d) || exit 1
trap 'rm -rf "$log"' EXIT
run() { # run COMMAND...: its last line counts, or it has failed
	{ "$@"; echo $? >"$log/code"; } 2>&1 | tee "$log/out"
	last=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log/out" | tail -n 1)
	[ -n "$last" ] || last="0 passed, 1 failed"
	f=${last##*, }
	f=${f%% *}
	[ "$(cat "$log/code")" -eq 0 ] || [ "$f" -gt 0 ] || f=1
	passed=$((passed + ${last%% *}))
	failed=$((failed + f))
}
if [ $# -eq 0 ]; then
	run sh "$here/coturn.sh" "$build"
	run bash "$here/relayed.sh" "$build"
fi
[ $# -ne 0 ] || run bash "$here/lab.sh" node "$here/moves.mjs"
run bash "$here/lab.sh" node "$here/pairs.mjs" "$@"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
