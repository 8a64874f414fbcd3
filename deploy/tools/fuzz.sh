#!/usr/bin/env bash
# Runs every fuzz target of the module for FUZZTIME (default 10s) each, one after the other, and fails at the end when one
# failed, so that one bad target does not hide the others. A failing input is written to testdata/fuzz of its package:
# commit it with the fix.
set -euo pipefail
cd "$(dirname "$0")/../.."

FUZZTIME=${FUZZTIME:-10s}
failed=()
count=0
while IFS=: read -r file line; do
	target=${line#func }
	target=${target%%(*}
	dir=./$(dirname "$file")
	count=$((count + 1))
	echo "--- $dir $target ($FUZZTIME)"
	if ! CGO_ENABLED=0 go test -run '^$' -fuzz "^$target\$" -fuzztime "$FUZZTIME" -fuzzminimizetime 5s -timeout 10m "$dir"; then
		failed+=("$dir $target")
	fi
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
