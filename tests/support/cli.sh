# SPDX-License-Identifier: MIT
# What the scripts in tests/cli share: sourced with BUILD as the first argument. Counts in passed and failed.
# shellcheck shell=bash
tulle=$1/tulle
passed=0 failed=0
tmp=$(mktemp -d) || exit 1

is() { # is NAME WANT GOT
	if [ "$2" = "$3" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf '%s\n  wanted: %.300s\n  got:    %.300s\n' "$1" "$2" "$3"
	fi
}

has() { # has NAME PART TEXT
	case $3 in
	*"$2"*) passed=$((passed + 1)) ;;
	*)
		failed=$((failed + 1))
		printf '%s\n  wanted a part: %.300s\n  got:           %.300s\n' "$1" "$2" "$3"
		;;
	esac
}
