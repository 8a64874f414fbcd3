#!/usr/bin/env bash
# Runs every fuzz target of the module for FUZZTIME (default 10s) each, one after the other, and fails at the end when one
# failed, so that one bad target does not hide the others. A failing input is written to testdata/fuzz of its package:
# commit it with the fix.
set -euo pipefail
cd "$(dirname "$0")/../.."

FUZZTIME=${FUZZTIME:-10s}
work=$(mktemp -d)
log=$work/log
trap 'rm -rf "$work"' EXIT
export CGO_ENABLED=0
corpora=$(go env GOCACHE)/fuzz
module=$(go list -m)

# program DIR names the program of all targets of a package: go test would link it anew for each.
program() { printf '%s/%s.test' "$work" "$(tr / _ <<<"${1#./}")"; }

# targets lists FILE:LINE of every target.
targets() { grep -rE --include='*_test.go' '^func Fuzz[A-Z][A-Za-z0-9_]*\(' bench cmd pipeline rules schemas | sort; }

# build_all builds the programs, two at a time: the compiler uses every core and the linker one. A failed build is seen
# at its targets.
build_all() {
	local dir
	targets | cut -d: -f1 | xargs -n 1 dirname | sort -u | while read -r dir; do
		printf '%s\0%s\0' "$(program "./$dir")" "./$dir"
	done | xargs -0 -n 2 -P 2 go test -c -vet=off -fuzz . -o || true
}

# fuzz_one DIR TARGET. Go's fuzzer now and then reports its own end of time as a failure: "context deadline exceeded" and no
# failing input. Only that, and at most twice, is run again; a failure with an input, or of any other kind, is a failure.
fuzz_one() {
	local try
	for try in 1 2 3; do
		if (cd "$1" && "$(program "$1")" -test.run '^$' -test.fuzz "^$2\$" -test.fuzztime "$FUZZTIME" -test.fuzzminimizetime 5s -test.timeout 10m \
			-test.paniconexit0 -test.fuzzcachedir "$corpora/$module/${1#./}") 2>&1 | tee "$log"; then
			return 0
		fi
		grep -q 'context deadline exceeded' "$log" || return 1
		if grep -qE 'Failing input written|panic:|_test\.go:' "$log"; then return 1; fi
		echo "fuzz: the fuzzer ran out of time by itself, no input failed (try $try)"
	done
	return 1
}

build_all
failed=()
count=0
while IFS=: read -r file line; do
	target=${line#func }
	target=${target%%(*}
	dir=./$(dirname "$file")
	count=$((count + 1))
	echo "--- $dir $target ($FUZZTIME)"
	if [ ! -x "$(program "$dir")" ] || ! fuzz_one "$dir" "$target"; then failed+=("$dir $target"); fi
done < <(targets)

if [ "$count" = 0 ]; then
	echo "fuzz: found no target: the search is broken"
	exit 1
fi
if [ "${#failed[@]}" -gt 0 ]; then
	printf 'fuzz: FAILED %s\n' "${failed[@]}"
	exit 1
fi
echo "fuzz: $count targets, none failed"
