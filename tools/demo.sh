#!/bin/sh
# SPDX-License-Identifier: MIT
# The demo, from the project's root. usage: demo.sh BUILD [PORT | once]
build=$1
case ${2:-20500} in
once) exec "$build/tulle" demo --web web --once ;;
*) exec "$build/tulle" demo --web web --port "${2:-20500}" ;;
esac
