#!/bin/sh
# SPDX-License-Identifier: MIT
# The hardening flags that this compiler takes. usage: flags.sh CC
flags="-fstack-protector-strong -fno-delete-null-pointer-checks -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"
for f in -fstack-clash-protection -fcf-protection -ftrivial-auto-var-init=zero; do
	echo 'int tulle_flag;' | "$@" -Werror $f -x c -c -o /dev/null - 2>/dev/null && flags="$flags $f"
done
echo "$flags"
