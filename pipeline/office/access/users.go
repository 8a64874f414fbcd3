package access

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"unicode"

	"github.com/goccy/go-yaml"

	"github.com/gvc-brussels/anpr/schemas"
)

const maxUsersFile = 4 << 20

// User is one entry in users.yaml. It is immutable.
type User struct {
	Name string
	Role Role
	// Zones limits the user to reads in these police zones. Empty means the whole region, which no zone officer may have.
	Zones []string

	// Subject is the person at the sign-in provider, as "issuer|subject". "" = the person signs in by token or by an
	// account at this office.
	Subject string
	// Grants are further rights beside the role, each in the form of [ParseGrant].
	Grants []Grant
	// Regimes are the case regimes that the user may see; empty = all.
	Regimes []Regime
	// Appointment makes the user competent to decide cases; zero = the user decides none.
	Appointment Appointment

	// From and To bound the token's validity: from inclusive, to exclusive; 0 = no bound. See [User.TokenEnds].
	From, To schemas.Micros

	token    schemas.Sum
	hasToken bool
}

// Grant is a further right beside the role: "approve" (be the second person in the user's zones) or "list:NAME" (own a
// list).
type Grant string

// Approve lets the user be a second person.
const Approve Grant = "approve"

// Regime is the law under which a case is handled. The set is closed.
type Regime string

// All regimes: police (title 2 of the act of 30/07/2018) and administrative (GDPR).
const (
	RegimeTraffic Regime = "traffic"
	RegimeLEZ     Regime = "lez"
)

// Regimes lists all regimes.
func Regimes() []Regime { return []Regime{RegimeTraffic, RegimeLEZ} }

var grantForm = regexp.MustCompile(`^(approve|list:[A-Za-z0-9._-]{1,64})$`)

// ParseGrant reads a grant.
func ParseGrant(text string) (Grant, bool) { return Grant(text), grantForm.MatchString(text) }

// HasGrant reports whether the user has the grant.
func (u *User) HasGrant(g Grant) bool { return slices.Contains(u.Grants, g) }

// OwnsList reports whether the user owns a list.
func (u *User) OwnsList() bool {
	return slices.ContainsFunc(u.Grants, func(g Grant) bool { return strings.HasPrefix(string(g), "list:") })
}

// MaxTokenDays bounds the time from now to a token's end.
const MaxTokenDays = 366

// TokenEnds reports whether the user's token ends within a year from now. A token without such an end opens nothing,
// because a thief would keep it for ever.
func (u *User) TokenEnds(now schemas.Micros) bool {
	return u.To != 0 && u.To <= now+MaxTokenDays*24*schemas.Hour
}

// HasToken reports whether the user may sign in by token.
func (u *User) HasToken() bool { return u.hasToken }

// TokenID names the user's token in the office's state, so that a purpose ends with its token. The name is a shortened
// digest over the token's digest.
func (u *User) TokenID() string {
	sum := sha256.Sum256(u.token[:])
	return "token-" + hex.EncodeToString(sum[:8])
}

// Users is the list of users, found by their tokens' SHA-256. Safe for concurrent use.
type Users struct{ list atomic.Pointer[[]User] }

// LoadUsers reads users.yaml from a file. See [ReadUsers].
func LoadUsers(path string) (*Users, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open users: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	return ReadUsers(f)
}

// ReadUsers reads users.yaml. It refuses an unknown key, role or zone form, a repeated name or token, and a zone
// officer without zones. The error names the entry and the field, and never holds a token or hash.
func ReadUsers(r io.Reader) (*Users, error) {
	u := &Users{}
	if err := u.Reload(r); err != nil {
		return nil, err
	}
	return u, nil
}

// Reload replaces the whole list. After an error the list is unchanged. A revoked user is refused from the next request
// on.
func (u *Users) Reload(r io.Reader) error {
	raw, err := io.ReadAll(io.LimitReader(r, maxUsersFile+1))
	if err != nil {
		return fmt.Errorf("read users: %w", err)
	}
	if len(raw) > maxUsersFile {
		return fmt.Errorf("users.yaml: larger than %d bytes, which no list of staff is", maxUsersFile)
	}
	entries, err := decodeUsers(raw)
	if err != nil {
		return err
	}
	list := make([]User, 0, len(entries))
	for i := range entries {
		e, err := entries[i].parseUser(list)
		if err != nil {
			return fmt.Errorf("users.yaml: entry %d: %w", i+1, err)
		}
		list = append(list, e)
	}
	u.list.Store(&list)
	return nil
}

// decodeUsers parses the file. The parser panics on some malformed input (the fuzzer found "users: ! x", go-yaml
// 1.19.2). decodeUsers makes the panic an error, so that a reload cannot end the office.
func decodeUsers(raw []byte) (entries []userEntry, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("users.yaml: not of the documented form: the YAML parser gave up on it")
		}
	}()
	var doc struct {
		Users []userEntry `yaml:"users"`
	}
	if err := yaml.NewDecoder(bytes.NewReader(raw), yaml.Strict()).Decode(&doc); err != nil {
		// The parser quotes the source, and a users file holds token hashes: the error has only the place.
		return nil, fmt.Errorf("users.yaml: not of the documented form%s", yamlPlace(err))
	}
	return doc.Users, nil
}

// Len returns the number of users.
func (u *Users) Len() int { return len(*u.list.Load()) }

// All returns the users in file order. The caller owns the slice, and must not change the users' own slices.
func (u *Users) All() []User { return slices.Clone(*u.list.Load()) }

// FindByToken returns the user with a bearer token. It compares the token's SHA-256 with every entry in constant time.
func (u *Users) FindByToken(token string) (*User, bool) {
	sum := sha256.Sum256([]byte(token))
	list := *u.list.Load()
	at := -1
	for i := range list {
		if subtle.ConstantTimeCompare(sum[:], list[i].token[:]) == 1 && list[i].hasToken {
			at = i
		}
	}
	if at < 0 || token == "" {
		return nil, false
	}
	return &list[at], true
}

type userEntry struct {
	Name        string   `yaml:"name"`
	Role        Role     `yaml:"role"`
	Zones       []string `yaml:"zones"`
	Subject     string   `yaml:"subject"`
	Grants      []string `yaml:"grants"`
	Regimes     []string `yaml:"regimes"`
	TokenSHA256 string   `yaml:"token_sha256"`
	ValidFrom   string   `yaml:"valid_from"`
	ValidTo     string   `yaml:"valid_to"`

	Appointment *appointmentEntry `yaml:"appointment"`
}

var (
	userName = regexp.MustCompile(`^[A-Za-z0-9._@-]{1,64}$`)
	zoneName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,32}$`)
)

func (e *userEntry) parseUser(before []User) (User, error) {
	u := User{Name: e.Name, Role: e.Role, Zones: e.Zones}
	if !userName.MatchString(e.Name) {
		return u, fmt.Errorf("name %.80q must be 1 to 64 of A-Z a-z 0-9 . _ @ -", e.Name)
	}
	if !slices.Contains(Roles(), e.Role) {
		return u, fmt.Errorf("user %s: role %.40q is none of %v", e.Name, string(e.Role), Roles())
	}
	if e.Role == ZoneOfficer && len(e.Zones) == 0 {
		return u, fmt.Errorf("user %s: a zone_officer needs zones, the police zones he works for", e.Name)
	}
	for _, z := range e.Zones {
		if !zoneName.MatchString(z) {
			return u, fmt.Errorf("user %s: zone %.40q must be 1 to 32 of A-Z a-z 0-9 . _ -", e.Name, z)
		}
	}
	if err := e.parseToken(&u); err != nil {
		return u, err
	}
	if err := e.parseGrants(&u); err != nil {
		return u, err
	}
	if err := e.parseValidity(&u); err != nil {
		return u, err
	}
	if err := e.parseAppointment(&u); err != nil {
		return u, err
	}
	for i := range before {
		if before[i].Name == u.Name {
			return u, fmt.Errorf("user %s: the name is used twice", e.Name)
		}
		if before[i].Subject == u.Subject && u.Subject != "" {
			return u, fmt.Errorf("user %s: the subject is that of user %s; a subject names one person", e.Name, before[i].Name)
		}
		if before[i].hasToken && u.hasToken && before[i].token == u.token {
			return u, fmt.Errorf("user %s: the token is that of user %s; a token names one person", e.Name, before[i].Name)
		}
	}
	return u, nil
}

// parseToken reads the token's digest. A user without a token signs in by another way.
func (e *userEntry) parseToken(u *User) error {
	if e.TokenSHA256 == "" {
		return nil
	}
	if n, err := hex.Decode(u.token[:], clipHex(e.TokenSHA256)); err != nil || n != len(u.token) || len(e.TokenSHA256) != 64 {
		return fmt.Errorf("user %s: token_sha256 must be the 64 hexadecimal digits of the token's SHA-256; leave it out for a person who signs in without a token", e.Name)
	}
	u.hasToken = true
	return nil
}

// parseGrants reads subject, grants and regimes.
func (e *userEntry) parseGrants(u *User) error {
	if e.Subject != "" {
		issuer, subject, ok := strings.Cut(e.Subject, "|")
		if !ok || !strings.Contains(issuer, "://") || subject == "" || len(e.Subject) > 512 || strings.ContainsFunc(e.Subject, unicode.IsControl) {
			return fmt.Errorf(`user %s: subject must be the issuer and the subject of the provider, as "https://login.example|a1b2c3"`, e.Name)
		}
		u.Subject = e.Subject
	}
	for _, text := range e.Grants {
		g, ok := ParseGrant(text)
		if !ok {
			return fmt.Errorf("user %s: grant %.80q is neither approve nor list:NAME", e.Name, text)
		}
		if slices.Contains(u.Grants, g) {
			return fmt.Errorf("user %s: the grant %s is there twice", e.Name, g)
		}
		u.Grants = append(u.Grants, g)
	}
	for _, text := range e.Regimes {
		if !slices.Contains(Regimes(), Regime(text)) {
			return fmt.Errorf("user %s: regime %.40q is none of %v", e.Name, text, Regimes())
		}
		u.Regimes = append(u.Regimes, Regime(text))
	}
	return nil
}

// parseValidity reads the token's validity; a day counts as a whole.
func (e *userEntry) parseValidity(u *User) error {
	if e.ValidFrom != "" {
		t, err := schemas.ParseFrom(e.ValidFrom)
		if err != nil {
			return fmt.Errorf("user %s: valid_from %w", e.Name, err)
		}
		u.From = schemas.MicrosOf(t)
	}
	if e.ValidTo != "" {
		t, err := schemas.ParseTo(e.ValidTo)
		if err != nil {
			return fmt.Errorf("user %s: valid_to %w", e.Name, err)
		}
		u.To = schemas.MicrosOf(t)
	}
	if u.To != 0 && u.From >= u.To {
		return fmt.Errorf("user %s: valid_from must be before valid_to", e.Name)
	}
	return nil
}

func clipHex(s string) []byte { return []byte(s[:min(len(s), 64)]) }

func yamlPlace(err error) string {
	var e yaml.Error
	if !errors.As(err, &e) || e.GetToken() == nil {
		return ""
	}
	p := e.GetToken().Position
	return fmt.Sprintf(", line %d column %d: %s", p.Line, p.Column, e.GetMessage())
}
