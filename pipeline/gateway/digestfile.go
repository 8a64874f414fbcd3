package gateway

import (
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// DigestSecrets holds the secrets of cameras that authenticate with Digest. The secrets lie in a separate file and not
// in the registry, because a reader of the file can send as any camera in it. The file is CSV:
//
//	camera,username,realm,md5,sha256
//	BRU-0001,BRU-0001,anpr,<hex of MD5 of user:realm:token>,<hex of SHA-256 of user:realm:token>
//
// One sum may be empty: the gateway then does not offer that algorithm. A change is loaded within two seconds; a
// broken file leaves the previous secrets in force. Safe for concurrent use; nil has no secrets.
type DigestSecrets struct {
	path string
	log  zerolog.Logger

	mu          sync.Mutex // guards the fields below
	cams        map[string]digestSecret
	checkedAt   time.Time
	loadedStamp string // size and time of the loaded file
	lastRefusal string // reason why the last file was refused
}

const (
	digestRecheck = 2 * time.Second
	maxDigestFile = 16 << 20
)

var digestColumns = []string{"camera", "username", "realm", "md5", "sha256"}

// OpenDigestSecrets reads the file. A missing file means no secrets, until it appears.
func OpenDigestSecrets(path string, log zerolog.Logger) (*DigestSecrets, error) {
	d := &DigestSecrets{path: path, log: log}
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	if err != nil {
		return nil, fmt.Errorf("digest secrets: %w", err)
	}
	if d.cams, err = readDigestFile(path); err != nil {
		return nil, err
	}
	d.loadedStamp = fileStamp(st)
	return d, nil
}

func fileStamp(st fs.FileInfo) string {
	return fmt.Sprint(st.Size(), st.ModTime().UnixNano())
}

// findSecret returns the secret of a camera, and checks the file for changes every digestRecheck.
func (d *DigestSecrets) findSecret(camera string, now time.Time) (digestSecret, bool) {
	if d == nil {
		return digestSecret{}, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if since := now.Sub(d.checkedAt); since >= digestRecheck || since < 0 {
		d.checkedAt = now
		d.reloadFile()
	}
	s, ok := d.cams[camera]
	return s, ok
}

// reloadFile loads a changed file. After a removed or broken file the previous secrets stay in force until the next
// start.
func (d *DigestSecrets) reloadFile() {
	st, err := os.Stat(d.path)
	if errors.Is(err, fs.ErrNotExist) && d.cams == nil || err == nil && fileStamp(st) == d.loadedStamp {
		return
	}
	var cams map[string]digestSecret
	if err == nil {
		cams, err = readDigestFile(d.path)
	}
	if err != nil {
		if text := err.Error(); text != d.lastRefusal {
			d.lastRefusal = text
			d.log.Error().Err(err).Msg("the changed file of Digest secrets is not taken; the one before stays in force")
		}
		return
	}
	d.cams, d.loadedStamp, d.lastRefusal = cams, fileStamp(st), ""
	d.log.Info().Int("cameras", len(cams)).Msg("Digest secrets loaded")
}

func readDigestFile(path string) (map[string]digestSecret, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("digest secrets: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("digest secrets: %w", err)
	}
	if st.Mode().Perm()&0o007 != 0 {
		return nil, fmt.Errorf("digest secrets %s: everybody on this machine may read it; chmod 600 it", path)
	}
	cams, err := parseDigestFile(io.LimitReader(f, maxDigestFile))
	if err != nil {
		return nil, fmt.Errorf("digest secrets %s: %w", path, err)
	}
	return cams, nil
}

// parseDigestFile reads the rows. An error names the line, never a secret.
func parseDigestFile(r io.Reader) (map[string]digestSecret, error) {
	in := csv.NewReader(r)
	in.FieldsPerRecord = len(digestColumns)
	head, err := in.Read()
	if err != nil || strings.Join(head, ",") != strings.Join(digestColumns, ",") {
		return nil, fmt.Errorf("line 1: the columns must be %s, separated by commas", strings.Join(digestColumns, ","))
	}
	out := map[string]digestSecret{}
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("not CSV of %d columns: %w", len(digestColumns), errors.Unwrap(err))
		}
		line, _ := in.FieldPos(0)
		camera := row[0]
		s := digestSecret{user: row[1], realm: row[2], md5: strings.ToLower(row[3]), sha256: strings.ToLower(row[4])}
		_, twice := out[camera]
		switch {
		case camera == "" || s.user == "" || strings.ContainsAny(s.user+s.realm, "\"\\\r\n") ||
			strings.Contains(s.user, ":"):
			return nil, fmt.Errorf("line %d: camera and username must be there, username and realm without quotes, username without a colon", line)
		case twice:
			return nil, fmt.Errorf("line %d: the camera %.64q is there twice; keep one", line, camera)
		case s.md5 == "" && s.sha256 == "" || !isHex(s.md5, 32) || !isHex(s.sha256, 64):
			return nil, fmt.Errorf("line %d: md5 has 32 hexadecimal digits and sha256 64; at least one must be there",
				line)
		}
		out[camera] = s
	}
}

func isHex(s string, digits int) bool {
	_, err := hex.DecodeString(s)
	return s == "" || err == nil && len(s) == digits
}
