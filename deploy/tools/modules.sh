#!/usr/bin/env bash
# Downloads the Go modules of the module in DIR (default: the repository's own), naming each that comes; prints nothing when all are there.
#   deploy/tools/modules.sh [DIR]
set -euo pipefail
cd "$(dirname "$0")/../../${1:-.}"
exec 1>&2

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# -x names every download; nothing is printed when all are in the cache already.
if ! go mod download -x 2>&1 | tee "$log" | awk '/\.zip: 200/ {sub(/.*\/\/[^\/]*\//, ""); sub(/\.zip: 200.*/, ""); printf "set-up:   module %3d %s\n", ++n, $0; fflush()}'; then
	tail -n 15 "$log"
	echo "set-up: the Go modules could not be downloaded (above); check the network and GOPROXY ($(go env GOPROXY))."
	exit 1
fi
