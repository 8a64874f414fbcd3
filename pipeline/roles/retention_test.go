package roles

import (
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/platform"
)

func TestTheLogIsNeededFromWhereATakeOverReads(t *testing.T) {
	plan := ingest.Plan{Start: 900, End: 1000, Rewind: 300}.String()
	for name, c := range map[string]struct {
		commit platform.GroupCommit
		want   int64
	}{
		"never committed":       {platform.GroupCommit{Offset: -1}, 0},
		"a plan under way":      {platform.GroupCommit{Offset: 900, Metadata: plan}, 300},
		"set by hand":           {platform.GroupCommit{Offset: 900}, 0}, // a take-over reads back from 0
		"not understood":        {platform.GroupCommit{Offset: 900, Metadata: "{"}, 0},
		"of another version":    {platform.GroupCommit{Offset: 900, Metadata: `{"v":99,"s":900,"e":900}`}, 0},
		"that fits no offset":   {platform.GroupCommit{Offset: 901, Metadata: plan}, 0},
		"nothing remembered":    {platform.GroupCommit{Offset: 900, Metadata: ingest.Plan{Start: 900, End: 900, Rewind: 900}.String()}, 900},
		"from the first record": {platform.GroupCommit{Offset: 900, Metadata: ingest.Plan{Start: 900, End: 900}.String()}, 0},
	} {
		if got := neededFrom(c.commit); got != c.want {
			t.Errorf("%s: needed from %d, want %d", name, got, c.want)
		}
	}
}
