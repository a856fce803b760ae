#!/bin/sh
# SPDX-License-Identifier: MIT
# Benches beside peers. usage: run.sh BUILD table|sctp|ice|simulated|models|path...
# table runs in a network namespace of its own (@roamhq/wrtc offers no loopback), path makes two, or where no TUN can
# be had (or TULLE_NO_TUN is set) runs in such a one too.
here=$(cd "$(dirname "$0")" && pwd)
interop=$here/../tests/interop
[ -d "$interop/node_modules/node-datachannel" ] && [ -d "$interop/node_modules/@roamhq/wrtc" ] ||
	(cd "$interop" && npm ci --silent --no-audit --no-fund) || exit 1
build=$(cd "$1" && pwd) || exit 1
shift
code=0
for bench in "$@"; do
	case $bench in
	table) sh "$interop/in-ns.sh" python3 "$here/table.py" "$build" || code=1 ;;
	sctp) python3 "$here/sctp.py" "$build" || code=1 ;;
	ice) python3 "$here/ice.py" "$build" || code=1 ;;
	simulated) python3 "$here/simulated.py" "$build" || code=1 ;;
	models) python3 "$here/models.py" "$build" || code=1 ;;
	path)
		ns=$interop/in-ns.sh
		[ -w /dev/net/tun ] && [ -z "$TULLE_NO_TUN" ] && ns=
		${ns:+sh "$ns"} python3 "$here/path.py" "$build" || code=1
		;;
	*) echo "run.sh: unknown bench $bench" >&2; exit 2 ;;
	esac
done
exit $code
