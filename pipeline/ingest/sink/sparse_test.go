package sink

import (
	"slices"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

// Neither are the columns of measures, and the tables say "none" of both.
func TestColumnsOfPicturesAndMeasuresAreSentForBlocksThatHaveSome(t *testing.T) {
	c, conn := newMigratedSink(t, nil)
	add := func(b *batch, more []schemas.Sum, kinds string, measured bool) {
		pos := b.nextPosition()
		r := testRead(int(pos.Offset), march)
		r.MoreImages, r.ImageKinds = more, kinds
		if !measured {
			r.Measures = nil
		}
		b.AddRead(r, schemas.PassageIDOf(r.ID), testCamera(), pos)
		b.t.Stored++
	}
	names := func(b *batch) (out []string) {
		query, input := b.tables[tabReads].sentForm()
		for _, in := range input {
			if strings.Contains(in.Name, "image") || strings.Contains(in.Name, "measures") {
				out = append(out, in.Name)
			}
			if !strings.Contains(query, `"`+in.Name+`"`) && !strings.Contains(query, in.Name) {
				t.Errorf("the statement does not name %s", in.Name)
			}
		}
		return out
	}
	block := newBatch(0).ColumnBlock
	from := int64(0)
	for _, reads := range [][]struct {
		more     []schemas.Sum
		kinds    string
		measured bool
	}{
		{{nil, "", false}, {nil, "", false}},
		{{nil, "", false}, {nil, "plate", false}},
		{{[]schemas.Sum{{7}}, "", false}, {nil, "", false}},
		{{nil, "", true}, {nil, "", false}},
		{{nil, "", false}}, // the same block again, without what it had before
	} {
		block.Reset()
		b := newBatch(from)
		b.ColumnBlock = block
		want := []string{"image_sha256"}
		for _, r := range reads {
			add(b, r.more, r.kinds, r.measured)
			if (len(r.more) > 0 || r.kinds != "" || r.measured) && len(want) == 1 {
				want = []string{"image_sha256", "more_images_sha256", "image_kinds", "measures.name", "measures.value", "measures.uncertainty", "measures.device"}
			}
		}
		if got := names(b); !slices.Equal(got, want) {
			t.Errorf("%v: columns %v are sent, want %v", reads, got, want)
		}
		if err := b.insertInto(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		from = b.rg.End
	}
	const stored = "SELECT arrayStringConcat(groupArray(toString(length(more_images_sha256)) || image_kinds || arrayStringConcat(measures.name)), ' ') FROM (SELECT * FROM reads ORDER BY kafka_offset)"
	if got, want := queryValue[string](t, conn, stored), "0 0 0 0plate 1 0 0mass_kgred_time_ms 0 0"; got != want {
		t.Errorf("stored: %s, want %s", got, want)
	}
}
