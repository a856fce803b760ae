#!/bin/sh
# SPDX-License-Identifier: MIT
# The first bench, beside its peers, in a network namespace of its own (@roamhq/wrtc offers no loopback).
# usage: run.sh BUILD
here=$(cd "$(dirname "$0")" && pwd)
interop=$here/../tests/interop
[ -d "$interop/node_modules/node-datachannel" ] && [ -d "$interop/node_modules/@roamhq/wrtc" ] ||
	(cd "$interop" && npm ci --silent --no-audit --no-fund) || exit 1
build=$(cd "$1" && pwd) || exit 1
exec sh "$interop/in-ns.sh" python3 "$here/table.py" "$build"
