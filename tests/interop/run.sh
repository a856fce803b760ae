#!/bin/sh
# SPDX-License-Identifier: MIT
# The interop matrix in a network namespace of its own. usage: run.sh [CASE...]: cases whose names contain one of
# these. TULLE_BUILD: the build directory (build).
here=$(cd "$(dirname "$0")" && pwd) || exit 1
missing=
for command in node npm chromium firefox-esr ip unshare; do
	command -v $command >/dev/null 2>&1 || missing="$missing $command"
done
[ -e /usr/lib/python3/dist-packages/aiortc ] || missing="$missing python3-aiortc"
if [ -n "$missing" ]; then
	echo "run.sh: not installed:$missing; \`make deps-interop\` installs what is needed" >&2
	exit 1
fi
cd "$here" || exit 1
sh libraries.sh || exit 1
exec sh in-ns.sh node run.mjs "$@"
