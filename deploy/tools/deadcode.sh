#!/usr/bin/env bash
# Fails when a function is reached by no program: the list must be empty, but for pipeline/testkit, which only tests use.
set -euo pipefail
cd "$(dirname "$0")/../.."

out=$(go tool -modfile=deploy/tools/go.mod deadcode ./... | grep -v '^pipeline/testkit/' || true)
[ -z "$out" ] || {
	echo "no program reaches these functions: delete them, use them, or move them into a _test.go file"
	echo "$out"
	exit 1
}
echo "deadcode: nothing"
