#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs fuzz targets. usage: fuzz.sh BUILD SECONDS TARGET... (commas part targets too)
build=$1 seconds=$2
shift 2
passed=0 failed=0
for target in $(echo "$*" | tr ',' ' '); do
	[ -x "$build/fuzz_$target" ] || { echo "fuzz: there is no target $target" >&2; exit 2; }
	mkdir -p "$build/corpus/$target" "$build/found/$target"
	if "$build/fuzz_$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -max_len=16384 -print_final_stats=1 \
		-artifact_prefix="$build/found/$target/" "$build/corpus/$target" "fuzz/corpus/$target" >"$build/$target.log" 2>&1; then
		passed=$((passed + 1))
		echo "$target: clean, $(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$target.log") runs"
	else
		failed=$((failed + 1))
		tail -n 40 "$build/$target.log"
		echo "$target: FAILED, see $build/found/$target"
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
