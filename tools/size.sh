#!/bin/sh
# SPDX-License-Identifier: MIT
# Bytes of text, data and bss a room, compiled with -Os. usage: size.sh BUILD
build=$1
printf '%-8s %8s %8s %8s\n' room text data bss
for room in base stun json ice sctp sdp dtls signal peer mesh onramp host; do
	find "$build/obj/$room" -name '*.o' -exec size {} + | awk -v r=$room \
		'$1 ~ /^[0-9]+$/ && $NF != "(TOTALS)" {t += $1; d += $2; b += $3} END {printf "%-8s %8d %8d %8d\n", r, t, d, b}'
done
