package access

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestAnExportVerifiesLikeTheLog(t *testing.T) {
	m, k := &memory{}, testKeys(t)
	l := filledLog(t, m, k, 8)
	var file bytes.Buffer
	if n, err := ExportLog(t.Context(), m, &k.Site.PublicKey, &file); err != nil || n != 8 {
		t.Fatalf("got %d entries, err %v", n, err)
	}
	if strings.Contains(file.String(), "1ABC1") {
		t.Error("the export has a plate in clear")
	}
	verify := func(text string, witnesses ...Head) (Verification, error) {
		x, err := ReadExport(strings.NewReader(text))
		if err != nil {
			return Verification{}, err
		}
		key, err := ParsePublicKey(x.PublicKey)
		if err != nil {
			return Verification{}, err
		}
		return VerifyStore(t.Context(), x, key, witnesses...)
	}
	if v, err := verify(file.String(), l.Head()); err != nil || !v.OK() || v.Entries != 8 || v.Head != l.Head() {
		t.Errorf("got %+v, err %v", v, err)
	}
	lines := strings.SplitAfter(file.String(), "\n")
	for name, c := range map[string]struct {
		text string
		want uint64
	}{
		"edited":  {strings.Replace(file.String(), "rue Neuve", "rue Vieille", 1), 1},
		"deleted": {strings.Join(slices.Delete(slices.Clone(lines), 3, 4), ""), 3},
		"cut":     {strings.Join(lines[:5], ""), 5},
		"empty":   {lines[0], 1},
	} {
		if v, err := verify(c.text, l.Head()); err != nil || v.FirstBad != c.want {
			t.Errorf("%s: got %+v, err %v, want %d", name, v, err, c.want)
		}
	}
	for _, text := range []string{"", "{}", "no json", lines[0] + `{"seq":1,"prev_sha256":"zz","entry_sha256":""}`, lines[0] + "{"} {
		if v, err := verify(text); err == nil {
			t.Errorf("%.40q: got %+v, want an error", text, v)
		}
	}
}
