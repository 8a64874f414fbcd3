package embedded

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// PostgresAccount is an account of PostgreSQL for a single job. The value is the name of the role.
type PostgresAccount string

// The accounts. deploy/postgres/accounts.sql has the same for a server.
const (
	PostgresMigrator  PostgresAccount = "anpr_migrator"  // owns the database and makes the tables
	PostgresOffice    PostgresAccount = "anpr_office"    // reads and adds; migrations grant the changes
	PostgresRetention PostgresAccount = "anpr_retention" // deletes expired rows, as far as migrations permit
	PostgresBackup    PostgresAccount = "anpr_backup"    // reads everything, changes nothing
)

// accountsAccount makes the accounts and databases, and can read no table made by others.
const accountsAccount = "anpr_accounts"

// PostgresAccounts lists all accounts.
func PostgresAccounts() []PostgresAccount {
	return []PostgresAccount{PostgresMigrator, PostgresOffice, PostgresRetention, PostgresBackup}
}

// PostgresPasswords holds a password for each account.
type PostgresPasswords map[PostgresAccount]string

// NewPostgresPasswords draws a password of 256 random bits for each account.
func NewPostgresPasswords() PostgresPasswords {
	out := PostgresPasswords{}
	for _, a := range PostgresAccounts() {
		out[a] = NewPassword()
	}
	return out
}

func (p PostgresPasswords) check() error {
	for _, a := range PostgresAccounts() {
		if p[a] == "" {
			return fmt.Errorf("PostgreSQL account %s has no password", a)
		}
	}
	return nil
}

// quoteName puts a name into the quotes of SQL.
func quoteName(name string) string { return pgx.Identifier{name}.Sanitize() }

// quoteText puts a text into the quotes of SQL.
func quoteText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// ensureAccounts makes missing accounts, sets the passwords of all, and makes the database.
func ensureAccounts(ctx context.Context, conn *pgx.Conn, passwords PostgresPasswords, database string) error {
	// The maker of a role may act as the role here: give the database to the role, and take the default grants
	// away.
	if _, err := conn.Exec(ctx, "SET createrole_self_grant = 'set, inherit'"); err != nil {
		return fmt.Errorf("make accounts: %w", err)
	}
	for _, a := range PostgresAccounts() {
		var there bool
		if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", string(a)).Scan(&there); err != nil {
			return fmt.Errorf("look for account %s: %w", a, err)
		}
		verb := "CREATE"
		if there {
			verb = "ALTER"
		}
		_, err := conn.Exec(ctx, verb+" ROLE "+quoteName(string(a))+" LOGIN NOCREATEDB NOCREATEROLE PASSWORD "+quoteText(passwords[a]))
		if err != nil {
			return fmt.Errorf("%s account %s: %w", strings.ToLower(verb), a, err)
		}
	}
	var there bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", database).Scan(&there); err != nil {
		return fmt.Errorf("look for database %s: %w", database, err)
	}
	if there {
		return closeDatabase(ctx, conn, database) // a killed start may have left the database open
	}
	return createDatabase(ctx, conn, database, "")
}

func createDatabase(ctx context.Context, conn *pgx.Conn, name, template string) error {
	if !databaseName.MatchString(name) {
		return fmt.Errorf("database %q: want a letter followed by at most 62 letters, digits or _", name)
	}
	statement := "CREATE DATABASE " + quoteName(name) + " OWNER " + quoteName(string(PostgresMigrator))
	if template != "" {
		// Copying the files costs a fifth of copying each page through the log, and a copy is only of a database that is still.
		statement += " TEMPLATE " + quoteName(template) + " STRATEGY FILE_COPY"
	}
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	return closeDatabase(ctx, conn, name)
}

// closeDatabase lets the accounts alone into a database.
func closeDatabase(ctx context.Context, conn *pgx.Conn, name string) error {
	_, err := conn.Exec(ctx, "REVOKE ALL ON DATABASE "+quoteName(name)+" FROM PUBLIC")
	for _, a := range PostgresAccounts() {
		if err == nil {
			_, err = conn.Exec(ctx, "GRANT CONNECT ON DATABASE "+quoteName(name)+" TO "+quoteName(string(a)))
		}
	}
	if err != nil {
		return fmt.Errorf("close database %s to others: %w", name, err)
	}
	return nil
}

// bootstrapSQL holds the superuser's only statements, before the server ever listens. Afterwards nobody can log in as
// the superuser.
func bootstrapSQL(password string) string {
	return strings.Join([]string{
		"CREATE ROLE " + accountsAccount + " LOGIN CREATEROLE CREATEDB PASSWORD " + quoteText(password),
		"REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC",
		"GRANT CONNECT ON DATABASE postgres TO " + accountsAccount,
		"ALTER ROLE postgres NOLOGIN",
	}, ";\n\n") + ";\n\n"
}

// finalError is a permanent error: waiting does not help.
type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }

// isFinal reports whether waiting for an engine is of no use.
func isFinal(err error) bool {
	_, ok := errors.AsType[*finalError](err)
	return ok
}
