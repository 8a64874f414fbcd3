package sink

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/gvc-brussels/anpr/schemas"
)

func TestWordsAndLengthAreTheValue(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	type packed struct {
		a, b uint64
		n    int
	}
	seen := map[packed]string{}
	check := func(v []byte) {
		t.Helper()
		a, b := wordsOf(v)
		k := packed{a, b, len(v)}
		if was, ok := seen[k]; ok && was != string(v) {
			t.Fatalf("%q and %q have the same words", was, v)
		}
		seen[k] = string(v)
	}
	for n := range 17 {
		for range 2000 {
			v := make([]byte, n)
			for i := range v {
				v[i] = "ab"[r.IntN(2)]
			}
			check(v)
		}
		for i := range n { // one byte apart
			v := bytes.Repeat([]byte{'a'}, n)
			v[i] = 'b'
			check(v)
		}
	}
}

// A dictionary column must give back what was put in, in order, whatever the values and however they were appended.
func TestLowCardinalityKeepsEveryValue(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 2))
	var c lowCol
	for round := range 30 {
		c.Reset()
		var want []string
		distinct := 1 + r.IntN([]int{3, 300, 70_000}[round%3])
		for range 1 + r.IntN(5000)*min(distinct, 20) {
			var v string
			switch r.IntN(4) {
			case 0:
				country := schemas.Country{'A' + byte(r.IntN(26)), 'A' + byte(r.IntN(26))}
				if r.IntN(3) == 0 {
					country = schemas.Country{}
				}
				c.appendCountry(country)
				v = country.String()
			case 1:
				n := r.IntN(maxCodes + 4)
				v = fmt.Sprintf("code %d", n)
				c.appendCode(uint8(n), v)
			default:
				v = fmt.Sprintf("%.*d", r.IntN(20), r.IntN(distinct))
				c.appendText(v)
			}
			want = append(want, v)
		}
		got := decodeLow(t, &c)
		if len(got) != len(want) {
			t.Fatalf("%d rows, want %d", len(got), len(want))
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("round %d, row %d: got %q, want %q", round, i, got[i], want[i])
			}
		}
	}
}

// decodeLow reads the column back with ch-go.
func decodeLow(t *testing.T, c *lowCol) []string {
	t.Helper()
	var buf proto.Buffer
	c.EncodeState(&buf)
	c.EncodeColumn(&buf)
	in := proto.NewReader(bytes.NewReader(buf.Buf))
	out := new(proto.ColStr).LowCardinality()
	if err := out.DecodeState(in); err != nil {
		t.Fatal(err)
	}
	if err := out.DecodeColumn(in, c.Rows()); err != nil {
		t.Fatal(err)
	}
	rows := make([]string, out.Rows())
	for i := range rows {
		rows[i] = out.Row(i)
	}
	return rows
}
