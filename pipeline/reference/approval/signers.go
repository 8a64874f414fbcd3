package approval

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// Signers are the people whose signatures count. Immutable once loaded.
type Signers struct {
	file   string
	people []signer
}

type signer struct {
	name string
	keys []key
}

// key is a public key of a person. Signatures count that state a moment in [from, to); none counts of a revoked key.
type key struct {
	public   string // 64 hexadecimal digits
	from, to time.Time
	revoked  string // day; "" = it is not
}

// rawSigners is the file: names, keys, days.
type rawSigners struct {
	Signers []struct {
		Name string `yaml:"name"`
		Keys []struct {
			PublicKey string `yaml:"public_key"`
			From      string `yaml:"from"`
			To        string `yaml:"to"`
			Revoked   string `yaml:"revoked"`
		} `yaml:"keys"`
	} `yaml:"signers"`
}

// nameForm is the form of a name, which is also a file name: lower case, so that no two differ by case alone.
var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// LoadSigners reads a file of signers. Each error names the file, the person, the fault and the cure.
func LoadSigners(file string) (*Signers, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("signers: %w", err)
	}
	var raw rawSigners
	if err := yaml.UnmarshalWithOptions(text, &raw, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("signers: %s: %w", file, err)
	}
	s := &Signers{file: file}
	owners := map[string]string{}
	var errs []error
	fault := func(name, format string, args ...any) {
		errs = append(errs, fmt.Errorf("signers: %s: %q: %s", file, name, fmt.Sprintf(format, args...)))
	}
	for _, p := range raw.Signers {
		switch {
		case !nameForm.MatchString(p.Name):
			fault(p.Name, "is no name; write lower-case letters, digits and . _ -")
		case s.find(p.Name) != nil:
			fault(p.Name, "stands twice; write all keys of a person under one name")
		case len(p.Keys) == 0:
			fault(p.Name, "has no key; make one with anpr rules key, or delete the name")
		}
		one := signer{name: p.Name}
		for _, k := range p.Keys {
			parsed, err := parseKey(k.PublicKey, k.From, k.To, k.Revoked)
			if err != nil {
				fault(p.Name, "%v", err)
				continue
			}
			if other, ok := owners[parsed.public]; ok {
				fault(p.Name, "has a key that %q has too; a key belongs to one person: make another with anpr rules key", other)
			}
			owners[parsed.public] = p.Name
			one.keys = append(one.keys, parsed)
		}
		s.people = append(s.people, one)
	}
	if len(raw.Signers) < 2 {
		errs = append(errs, fmt.Errorf("signers: %s names %d people; two must sign, so name at least two", file, len(raw.Signers)))
	}
	return s, errors.Join(errs...)
}

// parseKey reads a key. Its days are those of UTC; to is the first day on which it no longer signs.
func parseKey(public, from, to, revoked string) (key, error) {
	k := key{public: strings.ToLower(public), revoked: revoked}
	if raw, err := hex.DecodeString(k.public); err != nil || len(raw) != ed25519.PublicKeySize {
		return k, fmt.Errorf("public_key %.80q is none; write the 64 hexadecimal digits that anpr rules key prints", public)
	}
	var errs [3]error
	k.from, errs[0] = time.Parse(time.DateOnly, from)
	k.to, errs[1] = time.Parse(time.DateOnly, to)
	if revoked != "" {
		_, errs[2] = time.Parse(time.DateOnly, revoked)
	}
	if errors.Join(errs[:]...) != nil {
		return k, fmt.Errorf("from %q, to %q or revoked %q is no day; write days such as 2026-11-30, and both from and to", from, to, revoked)
	}
	if !k.from.Before(k.to) {
		return k, fmt.Errorf("to %s is not after from %s", to, from)
	}
	return k, nil
}

func (s *Signers) find(name string) *signer {
	for i := range s.people {
		if s.people[i].name == name {
			return &s.people[i]
		}
	}
	return nil
}

// ownerOf names the person with a public key, or "".
func (s *Signers) ownerOf(public string) string {
	for _, p := range s.people {
		for _, k := range p.keys {
			if k.public == public {
				return p.name
			}
		}
	}
	return ""
}

// checkKey says why a signature of this person, with this key, at this moment does not count; nil = it does.
func (s *Signers) checkKey(name, public string, at time.Time) error {
	p := s.find(name)
	if p == nil {
		return fmt.Errorf("%q is not among the signers of %s; let one of them sign, or add the name there", name, s.file)
	}
	for _, k := range p.keys {
		switch {
		case k.public != public:
			continue
		case k.revoked != "":
			return fmt.Errorf("the key %s of %s was revoked on %s; sign again with another key", short(public), name, k.revoked)
		case at.Before(k.from) || !at.Before(k.to):
			return fmt.Errorf("the key %s of %s signs from %s to %s, not at %s; sign with a key that counts then", short(public), name,
				k.from.Format(time.DateOnly), k.to.Format(time.DateOnly), at.Format(time.RFC3339))
		default:
			return nil
		}
	}
	if owner := s.ownerOf(public); owner != "" {
		return fmt.Errorf("the key %s is that of %s, not of %s; each person signs with a key of their own", short(public), owner, name)
	}
	return fmt.Errorf("the key %s is none of %s in %s; sign with one that stands there, or add it", short(public), name, s.file)
}

// short is the beginning of a public key, enough for a person to tell keys apart.
func short(public string) string { return public[:min(len(public), 16)] }
