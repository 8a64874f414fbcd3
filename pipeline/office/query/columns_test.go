package query

import (
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

func TestOnlyAnIdentifierBecomesAFragment(t *testing.T) {
	for _, name := range []string{"", "a b", "plate; DROP TABLE reads", "Plate", "a-b", "a(b)", "'", "`a`", "a.", ".a", "a..b", "a.b.c", "a.B", "a.1", "1a", "a\n"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q becomes SQL", name)
				}
			}()
			identifierOf(name)
		}()
	}
	for _, table := range schemas.Tables() {
		for _, c := range table.Columns {
			if got := identifierOf(c.Name); string(got) != c.Name {
				t.Errorf("%s becomes %s", c.Name, got)
			}
		}
	}
}

// Users without the right to plates never get an unmasked column that leads to a plate.
func TestEveryColumnWithAPlateHasAMask(t *testing.T) {
	for _, table := range schemas.Tables() {
		for _, c := range table.Columns {
			mask := string(maskOf(c))
			if harmless := c.Plate == schemas.MaskNone || c.Plate == schemas.MaskLog; harmless != (mask == "") {
				t.Errorf("%s.%s is %q and masked by %q", table.Name, c.Name, c.Plate, mask)
			}
			if mask == c.Name {
				t.Errorf("%s.%s is masked by itself", table.Name, c.Name)
			}
		}
	}
	for _, c := range readsTable.columns {
		if want := c.name == "plate" || c.name == "raw_plate" || c.name == "image_sha256"; want && c.plate != "''" {
			t.Errorf("%s is masked by %q, want an empty text", c.name, c.plate)
		}
		if want := c.name == "alternatives" || c.name == "more_images_sha256"; want && c.plate != "emptyArrayString()" {
			t.Errorf("%s is masked by %q, want an empty array", c.name, c.plate)
		}
	}
}
