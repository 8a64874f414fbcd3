package office

import (
	"strings"
	"testing"
)

// The list of quotas is one that a supervisor can read: each zone once a year, with a number and its source. What is not
// of the form leaves the list as it was.
func FuzzQuotas(f *testing.F) {
	for _, text := range []string{
		"", "quotas: []\n", "quotas:\n  - {zone: \"5339\", year: 2026, cases: 120000, source: \"agreement of 12 January 2026\"}\n",
		"quotas:\n  - zone: \"5340\"\n    year: 2026\n    cases: -1\n    source: x\n", "quotas:\n  - {zone: 5339, year: 2026, cases: 1, source: x, more: 1}\n",
		"quotas:\n  - {zone: a, year: 2026, cases: 1, source: x}\n  - {zone: a, year: 2026, cases: 2, source: y}\n", "quotas: &a [*a]\n", "quotas: 1", "- [", "\x00", "quotas:\n  - &x {zone: a}\n  - *x\n",
	} {
		f.Add(text)
	}
	const before = "quotas:\n  - {zone: before, year: 2026, cases: 1, source: x}\n"
	f.Fuzz(func(t *testing.T, text string) {
		q := &Quotas{}
		if err := q.Reload(strings.NewReader(before)); err != nil {
			t.Fatal(err)
		}
		if err := q.Reload(strings.NewReader(text)); err != nil {
			if !strings.HasPrefix(err.Error(), "quotas.yaml: ") || len(q.all()) != 1 || q.all()[0].Zone != "before" {
				t.Errorf("%v left %+v", err, q.all())
			}
			return
		}
		seen := map[Quota]bool{}
		for _, x := range q.all() {
			if !formZone.MatchString(x.Zone) || x.Cases < 0 || x.Year < 2000 || x.Source == "" || seen[Quota{Zone: x.Zone, Year: x.Year}] {
				t.Errorf("%+v was taken", x)
			}
			seen[Quota{Zone: x.Zone, Year: x.Year}] = true
		}
	})
}
