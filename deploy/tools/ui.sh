#!/usr/bin/env bash
# The pages of the office, from the sources in pipeline/office/web to its folder dist, which the program embeds.
#   ui.sh build   builds them (needs Node 20 and npm) and keeps the build in the cache under the key of its sources
#   ui.sh ready   for make build, which needs no Node: takes the build from the cache, else builds it, else leaves the pages out and says so
#   ui.sh check   types, lint, drift of the API's types, size of the entry
#   ui.sh test    the pages in Debian's chromium, against the program with its made-up city
# ANPR_CACHE  folder of the builds (default: in the user's cache)
set -euo pipefail
cd "$(dirname "$0")/../../pipeline/office/web"
exec 3>&1 1>&2

CACHE=${ANPR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/anpr}/ui

say() { echo "pages: $*"; }
die() { echo "pages: $*"; exit 1; }

# key is the SHA-256 over names and bytes of the source files: two trees with one key give one build.
key() {
	find . \( -name node_modules -o -name dist -o -name test \) -prune -o -type f ! -name '*.go' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d ' ' -f 1
}

# node_is_there: Node 20.19 or newer, and npm.
node_is_there() {
	command -v npm >/dev/null && command -v node >/dev/null || return 1
	local version major minor
	version=$(node --version)
	IFS=. read -r major minor _ <<<"${version#v}"
	[ "$major" -gt 20 ] || { [ "$major" = 20 ] && [ "$minor" -ge 19 ]; }
}

# find_node puts a Node of npm's own packages on PATH where that of the system is missing or too old: Debian 12 has 18.
find_node() {
	! node_is_there || return 0
	command -v npm >/dev/null || return 1
	local arch there
	case $(uname -s)-$(uname -m) in
	Linux-x86_64) arch=linux-x64 ;;
	Linux-aarch64) arch=linux-arm64 ;;
	Darwin-arm64) arch=darwin-arm64 ;;
	*) return 1 ;;
	esac
	there=$CACHE/node-20.20.2
	if [ ! -x "$there/node_modules/node-$arch/bin/node" ]; then
		say "Node 20.19 is not there: fetching node-$arch 20.20.2 by npm ..."
		mkdir -p "$there"
		npm install --prefix "$there" --no-save --no-audit --no-fund --loglevel=error "node-$arch@20.20.2" >/dev/null || return 1
	fi
	PATH=$there/node_modules/node-$arch/bin:$PATH
	node_is_there
}

# modules installs what package-lock.json names into the cache, once a lock file, and links it into the folder: the go command and gofmt
# do not follow links, and some packages hold Go files.
modules() {
	find_node || die "Node 20.19 or newer with npm is needed. Debian, Ubuntu: apt-get install nodejs npm; others: https://nodejs.org/"
	local there new
	there=$CACHE/modules-$(cat package.json package-lock.json | sha256sum | cut -c 1-16)
	if [ ! -d "$there/node_modules" ]; then
		say "installing what package-lock.json names ..."
		mkdir -p "$CACHE"
		new=$(mktemp -d "$CACHE/.new.XXXXXX")
		cp package.json package-lock.json .npmrc "$new/"
		(cd "$new" && npm ci --no-audit --no-fund --loglevel=error >/dev/null) || { rm -rf "$new"; return 1; }
		if [ -d "$there" ]; then rm -rf "$new"; else mv "$new" "$there"; fi # another may have been faster
	fi
	[ "$(readlink node_modules || true)" = "$there/node_modules" ] || { rm -rf node_modules && ln -s "$there/node_modules" node_modules; }
}

# empty removes a build from dist; the page that says how to make one stays.
empty() { find dist -mindepth 1 ! -name absent.html -delete; }

# place puts the build of a key into dist, whole or not at all.
place() {
	[ "$(cat dist/key 2>/dev/null || true)" != "$1" ] || return 0
	empty
	cp -R "$CACHE/$1/." dist/
	echo "$1" >dist/key
}

build() {
	local k=$1 out
	modules || return 1 # the modules of an older lock file give no build of this key
	mkdir -p "$CACHE"
	out=$(mktemp -d "$CACHE/.new.XXXXXX")
	# shellcheck disable=SC2064 # the folder of this call
	trap "rm -rf '$out'" EXIT
	./node_modules/.bin/vite build --logLevel warn --outDir "$out" --emptyOutDir || return 1
	chmod -R a+rX "$out"
	rm -rf "${CACHE:?}/$k" && mv "$out" "$CACHE/$k"
	place "$k"
}

case ${1:-} in
build)
	k=$(key)
	build "$k"
	say "built $(find dist/assets -type f | wc -l) files, key ${k:0:12}"
	;;
ready)
	k=$(key 2>/dev/null) || k=none
	if [ -e "$CACHE/$k/index.html" ]; then
		place "$k"
	elif find_node && (build "$k"); then
		say "built, key ${k:0:12}"
	else
		empty
		say "left out: the program says so at / ; with Node 20 and npm: make ui && make build"
	fi
	;;
check)
	modules
	node_modules/.bin/svelte-check --tsconfig ./tsconfig.json --fail-on-warnings
	node_modules/.bin/eslint .
	types=$(mktemp)
	trap 'rm -f "$types"' EXIT
	node_modules/.bin/openapi-typescript ../../../schemas/openapi/office.json --output "$types" >/dev/null
	cmp -s "$types" src/lib/types.d.ts || die "src/lib/types.d.ts is not that of schemas/openapi/office.json: run make ui-types"
	rm -f "$types" # the build has a trap of its own
	build "$(key)"
	node test/size.mjs
	;;
types)
	modules
	node_modules/.bin/openapi-typescript ../../../schemas/openapi/office.json --output src/lib/types.d.ts
	;;
test)
	modules
	# Debian's wrapper starts a shell; the tests start the program itself.
	chromium=
	for c in "${ANPR_CHROMIUM:-}" /usr/lib/chromium/chromium "$(command -v chromium || true)" "$(command -v chromium-browser || true)"; do
		if [ -n "$c" ] && [ -x "$c" ]; then chromium=$c && break; fi
	done
	if [ -z "$chromium" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		say "chromium is not installed and the pages are tested in it: installing it (apt-get install chromium)"
		apt-get update -qq
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
		chromium=/usr/lib/chromium/chromium
	fi
	[ -x "$chromium" ] || die "chromium is not installed. Debian: apt-get install chromium; or name one with ANPR_CHROMIUM"
	exec 1>&3
	ANPR_CHROMIUM=$chromium exec node --test --test-concurrency=2 test/*.test.mjs
	;;
*)
	die "usage: ui.sh build | ready | check | types | test"
	;;
esac
