#!/bin/sh
# SPDX-License-Identifier: MIT
# Lines that the tests reached, a room and in all. usage: cover.sh BUILD
build=$1
find "$build/obj" -name '*.gcda' | while read -r f; do
	src=${f#"$build"/obj/}
	src=${src%.gcda}.c
	case $src in tests/* | fuzz/* | bench/*) continue ;; esac
	gcov -n -o "$(dirname "$f")" "$src" 2>/dev/null | awk -v s="$src" \
		'$1 == "File" {keep = index($0, "\047" s "\047")} keep && /Lines executed/ {split($2, a, ":"); sub("%", "", a[2]); print s, a[2], $4; keep = 0}'
done | awk '{split($1, p, "/"); hit[p[1]] += $2 * $3 / 100; all[p[1]] += $3; h += $2 * $3 / 100; a += $3}
	END {for (r in all) printf "%-8s %5.1f %% of %d lines\n", r, 100 * hit[r] / all[r], all[r]; printf "all      %5.1f %% of %d lines\n", 100 * h / a, a}' | sort
