#!/usr/bin/env bash
# Runs the tests under the race detector, without the vet of make test. A test costs three to ten times as much there, so what cannot
# race is left out, each for a reason:
#   - packages without a goroutine, a channel, a lock, a server or a parallel test in code and tests;
#   - packages whose workers are other processes that the tests kill: the detector of this process does not see them;
#   - files with the tag !race, which name their reason.
# TEST_P is the number of test programs at once. Packages may be named: race.sh ./pipeline/office
set -euo pipefail
cd "$(dirname "$0")/../.."

processes='^\./(pipeline/testkit/delivery|cmd/anprload/rehearsal)$'
concurrent='^[[:space:]]*go [a-zA-Z]|"sync|errgroup|make\(chan|synctest|t\.Parallel\(|"net/http'

packages=("$@")
if [ $# = 0 ]; then
	while read -r dir; do
		[[ ./$dir =~ $processes ]] && continue
		if grep -qE "$concurrent" "$dir"/*.go; then packages+=("./$dir"); fi
	done < <(git ls-files '*_test.go' ':!bench/tools' | xargs -n 1 dirname | sort -u)
fi
[ "${#packages[@]}" -gt 0 ] || { echo "race: found no package: the search is broken" >&2; exit 1; }
echo "race: ${#packages[@]} packages"
CGO_ENABLED=1 exec go test -race -vet=off -p "${TEST_P:-2}" -timeout 30m "${packages[@]}"
