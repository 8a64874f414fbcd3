#!/usr/bin/env bash
# Asks the Go vulnerability database about everything that the program calls. Exit code 0 none is known, 3 some are (named), 77 not run
# because the database does not answer: the last line then begins with NOT RUN. Anything else is a fault of the check.
# GOVULNDB    the database (default https://vuln.go.dev), for a mirror
# VULN_CHECK  the command (default: govulncheck at the version of deploy/tools/supply/go.mod)
set -euo pipefail
cd "$(dirname "$0")/../.."

read -ra check <<<"${VULN_CHECK:-go tool -modfile=deploy/tools/supply/go.mod govulncheck}"
out=$(mktemp "${TMPDIR:-/tmp}/anpr-vuln.XXXXXX")
trap 'rm -f "$out"' EXIT
code=0
"${check[@]}" ./... >"$out" 2>&1 || code=$?
cat "$out"
# Only the database may be missing; a finding (3) is never taken for that.
if [ "$code" != 0 ] && [ "$code" != 3 ]; then
	if why=$(grep -E '^govulncheck: (fetching|loading) (vulnerabilities|the vulnerability)|: (no such host|i/o timeout|connection refused|network is unreachable)$' "$out" | grep -E "${GOVULNDB:-https?://vuln\.go\.dev}" | head -n 1); then
		echo "NOT RUN: the vulnerability database does not answer, so nothing is known about the dependencies: ${why#govulncheck: }"
		exit 77
	fi
fi
exit "$code"
