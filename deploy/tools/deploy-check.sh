#!/usr/bin/env bash
# Checks the deployment files with the tools that are installed; says which are not. The Go test of deploy/ checks the rest.
set -euo pipefail
cd "$(dirname "$0")/../.."

mapfile -t scripts < <(find .ci deploy -name '*.sh' -o -path .ci/run | sort)
for s in "${scripts[@]}"; do bash -n "$s"; done
echo "bash -n: ${#scripts[@]} scripts"
if command -v shellcheck >/dev/null; then
	shellcheck "${scripts[@]}" && echo "shellcheck: ${#scripts[@]} scripts"
else
	echo "shellcheck: not installed, not run"
fi
if command -v promtool >/dev/null; then
	(cd deploy/prometheus && promtool check config prometheus.yml)
else
	echo "promtool: not installed, not run (the Go test checks names, labels and runbook entries)"
fi
if command -v systemd-analyze >/dev/null; then
	# The program is not installed here, so only what is not about it counts.
	systemd-analyze verify deploy/systemd/*.service 2>&1 | grep -v -e 'is not executable' -e '^$' | grep -e deploy/systemd && exit 1
	echo "systemd-analyze verify: $(find deploy/systemd -name '*.service' | wc -l) units"
else
	echo "systemd-analyze: not installed, not run"
fi
