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

# build DIR makes one program of all targets of a package: go test would link it anew for each.
build() { go test -c -fuzz . -o "$work/fuzz.test" "$1" && import=$(go list "$1"); }

# fuzz_one DIR TARGET. Go's fuzzer now and then reports its own end of time as a failure: "context deadline exceeded" and no
# failing input. Only that, and at most twice, is run again; a failure with an input, or of any other kind, is a failure.
fuzz_one() {
	local try
	for try in 1 2 3; do
		if (cd "$1" && "$work/fuzz.test" -test.run '^$' -test.fuzz "^$2\$" -test.fuzztime "$FUZZTIME" -test.fuzzminimizetime 5s -test.timeout 10m \
			-test.paniconexit0 -test.fuzzcachedir "$corpora/$import") 2>&1 | tee "$log"; then
			return 0
		fi
		grep -q 'context deadline exceeded' "$log" || return 1
		if grep -qE 'Failing input written|panic:|_test\.go:' "$log"; then return 1; fi
		echo "fuzz: the fuzzer ran out of time by itself, no input failed (try $try)"
	done
	return 1
}

failed=()
count=0
built=
while IFS=: read -r file line; do
	target=${line#func }
	target=${target%%(*}
	dir=./$(dirname "$file")
	count=$((count + 1))
	echo "--- $dir $target ($FUZZTIME)"
	if [ "$dir" != "$built" ]; then
		built=
		if build "$dir"; then built=$dir; fi
	fi
	if [ -z "$built" ] || ! fuzz_one "$dir" "$target"; then failed+=("$dir $target"); fi
done < <(grep -rE --include='*_test.go' '^func Fuzz[A-Z][A-Za-z0-9_]*\(' bench cmd pipeline rules schemas | sort)

if [ "$count" = 0 ]; then
	echo "fuzz: found no target: the search is broken"
	exit 1
fi
if [ "${#failed[@]}" -gt 0 ]; then
	printf 'fuzz: FAILED %s\n' "${failed[@]}"
	exit 1
fi
echo "fuzz: $count targets, none failed"
