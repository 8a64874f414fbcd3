#!/usr/bin/env bash
# Fails when a function is reached by no program, but for the two rooms of test support and for those that show tests of other packages what they judge
# by; each of these has its reason here.
set -euo pipefail
cd "$(dirname "$0")/../.."

shown='evidence/row.go:.*Unsealed            which columns no seal covers: seals and office alter the others
normalise/plate.go:.*Plate                   the shortest call of the room, in its example and in tests of the gateway
access/role.go:.*Purposes                    every purpose, for tests of every route
query/camera.go:.*CameraReads                statements whose plan bench/lookups explains
query/reads.go:.*Reads                       the same
query/explain.go:.*DB.Explain                the plan of a statement
reference/load.go:.*Load                     one version of a directory, for tests of five rooms
dedup/history.go:.*History.Passages      what a family asks that compares passages; today that of the simulation
replay/past.go:.*closedBefore.Passages   the same of a replay
shard/shard.go:.*Shard.History           the memory that the simulation takes from a rebuilt shard, and that a test lists
schemas/columns.go:.*Tables                  every table with a struct: the drift test
schemas/columns.go:.*PlateColumns            every column with a plate: the drift test, and what a deletion must reach
schemas/measures.go:.*Measures              every measure, which tests of the families hold theirs against
schemas/verdict.go:.*Outcomes                every outcome, for tables of tests
cases/event.go:.*EventKinds                  every kind of event, for tables of tests
cases/refusal.go:.*Codes                    every code of a refusal, the same
bench/cameras.go:.*PublicUserToken           tokens that earlier versions gave every city, which roles refuses'
all=$(go tool -modfile=deploy/tools/go.mod deadcode ./...) # a tool that fails ends the script here
out=$(grep -vE '^pipeline/(testkit|office/access/accesstest)/' <<<"$all" | grep -vE "($(awk '{sub(/:\.\*/, ":.* "); print $1 " " $2}' <<<"$shown" | paste -sd '|'))$" || true)
[ -z "$out" ] || {
	echo "no program reaches these functions: delete them, use them, or move them into a _test.go file"
	echo "$out"
	exit 1
}
echo "deadcode: nothing"
