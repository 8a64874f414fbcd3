#!/usr/bin/env bash
# Runs every fuzz target of the module for FUZZTIME (default 10s) each, one after the other, and fails at the end when one
# failed, so that one bad target does not hide the others. A failing input is written to testdata/fuzz of its package:
# commit it with the fix.
set -euo pipefail
cd "$(dirname "$0")/../.."

FUZZTIME=${FUZZTIME:-10s}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# fuzz_one DIR TARGET. Go's fuzzer now and then reports its own end of time as a failure: "context deadline exceeded" and no
# failing input. Only that, and at most twice, is run again; a failure with an input, or of any other kind, is a failure.
fuzz_one() {
	local try
	for try in 1 2 3; do
		if CGO_ENABLED=0 go test -run '^$' -fuzz "^$2\$" -fuzztime "$FUZZTIME" -fuzzminimizetime 5s -timeout 10m "$1" 2>&1 | tee "$log"; then
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
while IFS=: read -r file line; do
	target=${line#func }
	target=${target%%(*}
	dir=./$(dirname "$file")
	count=$((count + 1))
	echo "--- $dir $target ($FUZZTIME)"
	fuzz_one "$dir" "$target" || failed+=("$dir $target")
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
