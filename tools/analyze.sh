#!/bin/sh
# SPDX-License-Identifier: MIT
# clang-tidy's static analyzer and cppcheck. usage: analyze.sh FILE...
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
clang-tidy --quiet --checks='-*,clang-analyzer-*,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling,bugprone-*,-bugprone-easily-swappable-parameters,-bugprone-reserved-identifier,-bugprone-narrowing-conversions,-bugprone-assignment-in-if-condition,-bugprone-branch-clone,-bugprone-implicit-widening-of-multiplication-result,-bugprone-sizeof-expression' \
	"$@" -- -std=c11 -D_GNU_SOURCE -Iinclude -I. 2>/dev/null | grep -E 'warning:|error:' >"$out"
cppcheck --quiet --enable=warning,portability --inline-suppr --std=c11 -Iinclude -I. "$@" 2>>"$out"
cat "$out"
n=$(grep -cE 'warning:|error:' "$out")
echo "analyze: $n findings"
[ "$n" -eq 0 ]
