-- The accounts and the database of the office, on a PostgreSQL 18 of your own. As its administrator, once, and again after an update that
-- names a new account:
--   psql -v ON_ERROR_STOP=1 -f deploy/postgres/accounts.sql
--   \password anpr_migrator      (and the other three; a password in a file of statements would stay there)
-- Then, as the owner of the database:
--   ANPR_POSTGRES_PASSWORD=... anpr migrate --postgres postgres://anpr_migrator@HOST/anpr
-- In pg_hba.conf let them in with a password over TLS, and nobody else:
--   hostssl anpr anpr_migrator,anpr_office,anpr_retention,anpr_backup 10.1.2.0/24 scram-sha-256
SELECT format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE', a)
FROM unnest(ARRAY['anpr_migrator', 'anpr_office', 'anpr_retention', 'anpr_backup']) a
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = a)
\gexec
SELECT 'CREATE DATABASE anpr OWNER anpr_migrator TEMPLATE template0 ENCODING ''UTF8'' LOCALE_PROVIDER builtin BUILTIN_LOCALE ''C.UTF-8'' LOCALE ''C'''
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'anpr')
\gexec
REVOKE ALL ON DATABASE anpr FROM PUBLIC;
GRANT CONNECT ON DATABASE anpr TO anpr_migrator, anpr_office, anpr_retention, anpr_backup;
