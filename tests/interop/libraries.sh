#!/bin/sh
# SPDX-License-Identifier: MIT
# The libraries of node's that package-lock.json names, once. usage: libraries.sh
cd "$(dirname "$0")" || exit 1
installed=node_modules/.package-lock.json
[ -e $installed ] && [ -z "$(find package-lock.json -newer $installed)" ] && exit 0
npm ci --no-audit --no-fund && touch $installed
