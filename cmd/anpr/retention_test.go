package main

import (
	"testing"

	"github.com/gvc-brussels/anpr/pipeline"
	"github.com/gvc-brussels/anpr/pipeline/ledger"
)

func TestTheLogIsNeededFromWhereATakeOverReads(t *testing.T) {
	plan := pipeline.Plan{Start: 900, End: 1000, Rewind: 300}.String()
	for name, c := range map[string]struct {
		commit ledger.Commit
		want   int64
	}{
		"never committed":       {ledger.Commit{Offset: -1}, 0},
		"a plan under way":      {ledger.Commit{Offset: 900, Metadata: plan}, 300},
		"set by hand":           {ledger.Commit{Offset: 900}, 0}, // a take-over reads back from 0
		"not understood":        {ledger.Commit{Offset: 900, Metadata: "{"}, 0},
		"of another version":    {ledger.Commit{Offset: 900, Metadata: `{"v":99,"s":900,"e":900}`}, 0},
		"that fits no offset":   {ledger.Commit{Offset: 901, Metadata: plan}, 0},
		"nothing remembered":    {ledger.Commit{Offset: 900, Metadata: pipeline.Plan{Start: 900, End: 900, Rewind: 900}.String()}, 900},
		"from the first record": {ledger.Commit{Offset: 900, Metadata: pipeline.Plan{Start: 900, End: 900}.String()}, 0},
	} {
		if got := neededFrom(c.commit); got != c.want {
			t.Errorf("%s: needed from %d, want %d", name, got, c.want)
		}
	}
}
