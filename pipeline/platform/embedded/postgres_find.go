package embedded

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// findPostgres returns the directory of the programs, and the kind of the server.
func findPostgres(ctx context.Context, cfg *PostgresConfig) (bin, kind string, err error) {
	switch cfg.Binary {
	case "-":
	case "":
		if bin, ok := systemPostgres(ctx, cfg); ok {
			return bin, "system", nil
		}
	default:
		return cfg.Binary, "system", nil
	}
	dir, err := EnsurePostgres(ctx, cfg.CacheDir, cfg.Progress)
	if err != nil {
		return "", "", fmt.Errorf("PostgreSQL engine: %w", err)
	}
	return filepath.Join(dir, "bin"), "embedded", nil
}

// systemPostgres looks for PostgreSQL on PATH: postgres in the right version, with initdb beside it.
func systemPostgres(ctx context.Context, cfg *PostgresConfig) (bin string, ok bool) {
	bin, version, err := lookForPostgres(ctx)
	switch {
	case err != nil || bin == "":
		return "", false
	case version != postgresMajor:
		cfg.Logger.Info().Int("version", version).Int("needed", postgresMajor).Str("dir", bin).Msg("the PostgreSQL on PATH has another version: the downloaded one is used")
		return "", false
	}
	return bin, true
}

// versionPatience bounds the question for a version.
const versionPatience = 10 * time.Second

// lookForPostgres returns directory and major version of the postgres on PATH. The directory is "" when PATH has no
// postgres, or no initdb beside it.
func lookForPostgres(ctx context.Context) (bin string, version int, err error) {
	path, err := exec.LookPath("postgres")
	if err != nil {
		return "", 0, nil // none is no error
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", 0, err
	}
	bin = filepath.Dir(path)
	if _, err := os.Stat(filepath.Join(bin, "initdb")); err != nil {
		return "", 0, nil // a client's package may have postgres alone
	}
	ctx, cancel := context.WithTimeout(ctx, versionPatience)
	defer cancel()
	text, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return "", 0, err
	}
	version, err = parsePostgresVersion(string(text))
	return bin, version, err
}

// parsePostgresVersion reads the major version. Example: "postgres (PostgreSQL) 18.4 (Debian 18.4-1)" is 18.
func parsePostgresVersion(text string) (int, error) {
	_, after, ok := strings.Cut(text, "(PostgreSQL) ")
	end := strings.IndexFunc(after, func(r rune) bool { return r < '0' || r > '9' })
	if !ok || end < 1 {
		return 0, fmt.Errorf("no version of PostgreSQL: %.80q", text)
	}
	return strconv.Atoi(after[:end])
}
