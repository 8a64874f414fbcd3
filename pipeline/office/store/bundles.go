package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Material is a part of a bundle that was kept when the first bundle of a version of a case was made.
type Material struct {
	Name      string
	Content   []byte
	KeyID     string // of the key that signed it
	Signature []byte
}

// Bundle is an evidence bundle that was made.
type Bundle struct {
	ID        string
	CaseID    string
	Version   int64 // of the case
	User      string
	For       string
	MadeAt    time.Time
	ExpiresAt time.Time // the file stays until then
	KeyID     string
	SHA256    []byte // of the file
	Size      int64
}

// KeepMaterial keeps a material of a version of a case, unless it is kept already, and returns what is kept.
func (s *People) KeepMaterial(ctx context.Context, caseID string, version int64, m Material) (Material, error) {
	_, err := s.pool.Exec(ctx, "INSERT INTO bundle_materials (case_id, case_version, name, content, key_id, signature) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
		caseID, version, m.Name, m.Content, m.KeyID, m.Signature)
	if err != nil {
		return m, safeError("keep material of a bundle", err)
	}
	return s.FindMaterial(ctx, caseID, version, m.Name)
}

// FindMaterial returns a kept material; else ErrNotFound.
func (s *People) FindMaterial(ctx context.Context, caseID string, version int64, name string) (Material, error) {
	m := Material{Name: name}
	err := s.pool.QueryRow(ctx, "SELECT content, key_id, signature FROM bundle_materials WHERE case_id = $1 AND case_version = $2 AND name = $3", idOrAbsent(caseID), version, name).
		Scan(&m.Content, &m.KeyID, &m.Signature)
	return m, safeError("find material of a bundle", err)
}

// SaveBundle keeps a bundle and its file, and fills in id and times.
func (s *People) SaveBundle(ctx context.Context, b *Bundle, file []byte) error {
	err := s.pool.QueryRow(ctx, `INSERT INTO bundles (case_id, case_version, user_name, wanted_for, key_id, sha256, size, file) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		RETURNING bundle_id::text, made_at, expires_at`, b.CaseID, b.Version, b.User, b.For, b.KeyID, b.SHA256, b.Size, file).Scan(&b.ID, &b.MadeAt, &b.ExpiresAt)
	return safeError("save bundle", err)
}

const bundleColumns = "bundle_id::text, case_id::text, case_version, user_name, wanted_for, made_at, expires_at, key_id, sha256, size"

func (b *Bundle) scanRow(row pgx.Row) error {
	return row.Scan(&b.ID, &b.CaseID, &b.Version, &b.User, &b.For, &b.MadeAt, &b.ExpiresAt, &b.KeyID, &b.SHA256, &b.Size)
}

// FindBundle returns a bundle that the user made less than a day ago; else ErrNotFound. The file is nil when it is
// gone.
func (s *People) FindBundle(ctx context.Context, id, user string) (b Bundle, file []byte, err error) {
	row := s.pool.QueryRow(ctx, "SELECT "+bundleColumns+", CASE WHEN expires_at > clock_timestamp() THEN file END FROM bundles WHERE bundle_id = $1 AND user_name = $2", idOrAbsent(id), user)
	err = row.Scan(&b.ID, &b.CaseID, &b.Version, &b.User, &b.For, &b.MadeAt, &b.ExpiresAt, &b.KeyID, &b.SHA256, &b.Size, &file)
	return b, file, safeError("find bundle", err)
}

// ListBundles returns the bundles of a case, the newest first, at most limit.
func (s *People) ListBundles(ctx context.Context, caseID string, limit int) ([]Bundle, error) {
	rows, err := s.pool.Query(ctx, "SELECT "+bundleColumns+" FROM bundles WHERE case_id = $1 ORDER BY made_at DESC, bundle_id LIMIT $2", idOrAbsent(caseID), limit)
	if err != nil {
		return nil, safeError("list bundles", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (b Bundle, err error) { return b, b.scanRow(row) })
	return out, safeError("list bundles", err)
}
