#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what a part of the project needs; looks first, and does nothing when all is there.
# usage: deps.sh PART... ; parts: build tidy analyze interop nat fuzz bench
set -u
need= # Debian packages still missing
has_header() { echo "#include <$1>" | ${CC:-cc} -E -x c - >/dev/null 2>&1; }
want() { # want PACKAGE command NAME | header NAME | lib NAME | file NAME
	case $2 in
	command) command -v "$3" >/dev/null 2>&1 && return ;;
	header) has_header "$3" && return ;;
	file) for f in $3; do [ -e "$f" ] && return; done ;;
	esac
	case " $need " in *" $1 "*) ;; *) need="$need $1" ;; esac
}
for part in "$@"; do
	case $part in
	build)
		want gcc command cc
		want gcc command gcc
		want libc6-dev header stdlib.h
		want make command make
		want libssl-dev header openssl/ssl.h
		want zlib1g-dev header zlib.h
		want check header check.h
		;;
	interop)
		want nodejs command node
		want npm command npm
		want chromium command chromium
		want firefox-esr command firefox-esr
		want python3-aiortc file /usr/lib/python3/dist-packages/aiortc/__init__.py
		want iproute2 command ip
		want util-linux command unshare
		;;
	nat)
		want coturn command turnserver
		want iptables command iptables
		want openssl command openssl
		want nodejs command node
		want npm command npm
		want chromium command chromium
		want iproute2 command ip
		want util-linux command unshare
		;;
	tidy)
		want python3 command python3
		want binutils command nm
		;;
	analyze)
		want clang-tidy command clang-tidy
		want cppcheck command cppcheck
		;;
	fuzz)
		want clang command clang
		want libclang-rt-14-dev file "/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a /usr/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a"
		;;
	bench)
		want nodejs command node
		want npm command npm
		want libusrsctp-dev header usrsctp.h
		want valgrind command valgrind
		want iproute2 command ip
		;;
	*)
		echo "deps.sh: unknown part $part" >&2
		exit 2
		;;
	esac
done
need=$(echo $need)
[ -z "$need" ] && exit 0
if ! command -v apt-get >/dev/null 2>&1; then
	echo "Not a Debian machine. Please install what is missing ($need):"
	echo "  dnf install gcc make openssl-devel zlib-devel check-devel"
	echo "  apk add build-base openssl-dev zlib-dev check-dev"
	echo "  pacman -S base-devel openssl zlib check"
	echo "  brew install openssl@3 check"
	exit 1
fi
as=
if [ "$(id -u)" -ne 0 ]; then
	if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
		as=sudo
	else
		echo "Please type: sudo apt-get install -y $need" >&2
		exit 1
	fi
fi
export DEBIAN_FRONTEND=noninteractive
$as apt-get update -q && $as apt-get install -y -q --no-install-recommends $need
