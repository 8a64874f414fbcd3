#!/usr/bin/env bash
# Gives the accounts of accounts.sql their passwords, from files: compose.yaml runs it once, when the server makes its data directory.
set -euo pipefail
for a in migrator office retention backup; do
	[ -s "/run/secrets/postgres_$a" ] || { echo "deploy/secrets/postgres_$a is empty"; exit 1; }
	psql -v ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<-SQL
		\set password \`cat /run/secrets/postgres_$a\`
		ALTER ROLE anpr_$a PASSWORD :'password';
	SQL
done
