package office

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/goccy/go-yaml"

	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/schemas"
)

// Quota is how many cases a zone may bring in a calendar year, as the operator and the zone agreed.
type Quota struct {
	Zone   string `yaml:"zone"`
	Year   int    `yaml:"year"`
	Cases  int64  `yaml:"cases"`
	Source string `yaml:"source"` // where the number was agreed
}

// Quotas is the list of quotas.yaml. Safe for concurrent use. The zero value has no quota.
type Quotas struct{ list atomic.Pointer[[]Quota] }

const maxQuotasFile = 1 << 20

var formZone = regexp.MustCompile(`^[0-9A-Za-z-]{1,32}$`)

// Reload replaces the whole list with that of a file. After an error the list is as it was. An empty file has no quota.
func (q *Quotas) Reload(r io.Reader) error {
	raw, err := io.ReadAll(io.LimitReader(r, maxQuotasFile+1))
	if err != nil {
		return fmt.Errorf("read quotas.yaml: %w", err)
	}
	if len(raw) > maxQuotasFile {
		return fmt.Errorf("quotas.yaml: larger than %d bytes", maxQuotasFile)
	}
	list, err := decodeQuotas(raw)
	if err != nil {
		return err
	}
	for i, x := range list {
		again := slices.ContainsFunc(list[:i], func(y Quota) bool { return y.Zone == x.Zone && y.Year == x.Year })
		switch {
		case !formZone.MatchString(x.Zone):
			return fmt.Errorf("quotas.yaml: entry %d: zone must be a police zone, as \"5339\"", i+1)
		case x.Year < 2000 || x.Year > 2199:
			return fmt.Errorf("quotas.yaml: entry %d: year must be a calendar year", i+1)
		case x.Cases < 0:
			return fmt.Errorf("quotas.yaml: entry %d: cases must not be negative", i+1)
		case x.Source == "":
			return fmt.Errorf("quotas.yaml: entry %d: source must say where the number was agreed", i+1)
		case again:
			return fmt.Errorf("quotas.yaml: entry %d: zone %s has two numbers for %d", i+1, x.Zone, x.Year)
		}
	}
	q.list.Store(&list)
	return nil
}

// Clear removes all quotas.
func (q *Quotas) Clear() { q.list.Store(nil) }

// decodeQuotas parses the file. The parser panics on some malformed input.
func decodeQuotas(raw []byte) (list []Quota, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("quotas.yaml: not of the documented form: the YAML parser gave up on it")
		}
	}()
	var doc struct {
		Quotas []Quota `yaml:"quotas"`
	}
	if err := yaml.NewDecoder(bytes.NewReader(raw), yaml.Strict()).Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("quotas.yaml: not of the documented form: %w", err)
	}
	return doc.Quotas, nil
}

// all returns the quotas; none of a nil list.
func (q *Quotas) all() []Quota {
	if q == nil || q.list.Load() == nil {
		return nil
	}
	return *q.list.Load()
}

// ZoneQuota is the quota of a zone in the present year, and how much of it is used.
type ZoneQuota struct {
	Zone   string `json:"zone"`
	Year   int    `json:"year"`
	Cases  int64  `json:"cases" doc:"how many cases the zone may bring in the year"`
	Used   int64  `json:"used" doc:"confirmed cases of captures of the year that were not taken back"`
	Left   int64  `json:"left"`
	UsedUp bool   `json:"used_up"`
	Then   *Cited `json:"then,omitempty" doc:"what happens now that it is used up"`
}

// quotaUsedUp says what happens when a quota is used up. Nothing ends by itself: which cases a zone does not pursue is for people to
// say, case by case or as an act of two persons.
//
//nolint:misspell // French words are no misspelt English ones
var quotaUsedUp = Cited{
	NL: "Het quotum van de zone is opgebruikt. Niets wordt geweigerd of geschrapt: dossiers blijven binnenkomen en kunnen beslist worden. De supervisor beslist met de zone: het quotum verhogen, of dossiers met twee personen in bulk intrekken of laten vervallen.",
	FR: "Le quota de la zone est épuisé. Rien n'est refusé ni supprimé : les dossiers continuent d'arriver et peuvent être décidés. Le superviseur décide avec la zone : augmenter le quota, ou retirer ou laisser expirer des dossiers en nombre, à deux personnes.",
	EN: "The quota of the zone is used up. Nothing is refused or dropped: cases still come in and can be decided. The supervisor decides with the zone: raise the quota, or withdraw or expire cases in bulk, by two persons.",
}

// quotasOf returns the quotas of a year in some zones (none = all), in the order of zones, with what the zones brought.
func (o *Office) quotasOf(zones []string, year int, brought []casestore.BroughtCount) []ZoneQuota {
	out := []ZoneQuota{}
	for _, q := range o.cfg.Quotas.all() {
		if q.Year != year || len(zones) > 0 && !slices.Contains(zones, q.Zone) {
			continue
		}
		z := ZoneQuota{Zone: q.Zone, Year: q.Year, Cases: q.Cases}
		for _, b := range brought {
			if b.Zone == q.Zone && b.Year == year {
				z.Used = b.N
			}
		}
		z.Left, z.UsedUp = max(q.Cases-z.Used, 0), z.Used >= q.Cases
		if z.UsedUp {
			then := quotaUsedUp
			z.Then = &then
		}
		out = append(out, z)
	}
	slices.SortFunc(out, func(a, b ZoneQuota) int { return strings.Compare(a.Zone, b.Zone) })
	return out
}

// countQuotas returns the quotas of the year of an instant, with what the zones brought. Without a quota nothing is counted.
func (o *Office) countQuotas(ctx context.Context, zones []string, now schemas.Micros) ([]ZoneQuota, error) {
	year := now.Time().In(schemas.Brussels()).Year()
	if len(o.quotasOf(zones, year, nil)) == 0 {
		return []ZoneQuota{}, nil
	}
	brought, err := o.cfg.Cases.Store.Brought(ctx, zones)
	if err != nil {
		return nil, o.noteStoreFailure(ctx, err)
	}
	return o.quotasOf(zones, year, brought), nil
}
