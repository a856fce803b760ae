#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs every suite of a build and adds up. usage: check.sh BUILD
# A suite prints what it likes and ends with a line "N passed, N failed"; without that line it has failed.
build=$1
passed=0 failed=0
log=$(mktemp -d) || exit 1
trap 'rm -rf "$log"' EXIT
run() { # run NAME COMMAND...
	name=$1
	shift
	"$@" >"$log/out" 2>&1
	code=$?
	last=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log/out" | tail -n 1)
	if [ -z "$last" ] || { [ $code -ne 0 ] && [ "${last##*, }" = "0 failed" ]; }; then
		tail -n 60 "$log/out"
		echo "$name: ended with code $code"
		failed=$((failed + 1))
		last=${last:-"0 passed, 0 failed"}
	elif [ $code -ne 0 ]; then
		tail -n 60 "$log/out"
	fi
	echo "$name: $last"
	passed=$((passed + ${last%% *}))
	f=${last##*, }
	failed=$((failed + ${f%% *}))
}
run unit "$build/unit"
run sim "$build/sim" 5
for t in tests/cli/*.sh; do
	[ -f "$t" ] && run "$t" bash "$t" "$build"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
