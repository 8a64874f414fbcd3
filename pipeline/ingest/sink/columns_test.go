package sink

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/gvc-brussels/anpr/schemas"
)

// encodeBothWays returns a column's native form, encoded through both of ch-go's ways to send, which must agree.
func encodeBothWays(t *testing.T, c proto.ColInput) []byte {
	t.Helper()
	var b proto.Buffer
	if s, ok := c.(proto.StateEncoder); ok {
		s.EncodeState(&b)
	}
	c.EncodeColumn(&b)
	var out bytes.Buffer
	w := proto.NewWriter(&out, new(proto.Buffer))
	if s, ok := c.(proto.StateEncoder); ok {
		w.ChainBuffer(s.EncodeState)
	}
	c.WriteColumn(w)
	if _, err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Buf, out.Bytes()) {
		t.Fatalf("%s: EncodeColumn gives %d bytes and WriteColumn %d others", c.Type(), len(b.Buf), out.Len())
	}
	return b.Buf
}

// lowValues decodes a LowCardinality column by ch-go's decoder.
func lowValues(t *testing.T, c *lowCol) []string {
	t.Helper()
	r := proto.NewReader(bytes.NewReader(encodeBothWays(t, c)))
	dec := new(proto.ColStr).LowCardinality()
	if err := dec.DecodeState(r); err != nil {
		t.Fatal(err)
	}
	if err := dec.DecodeColumn(r, c.Rows()); err != nil {
		t.Fatal(err)
	}
	return dec.Values
}

func TestLowCardinalityHoldsWhatWasAppended(t *testing.T) {
	// Around the sizes at which the keys widen.
	for _, distinct := range []int{1, 2, 255, 256, 257, 300, 65535, 65536, 65537, 70000} {
		t.Run(strconv.Itoa(distinct), func(t *testing.T) {
			seed := rand.Uint64()
			rnd := rand.New(rand.NewPCG(seed, 0))
			c := &lowCol{}
			for round := range 3 { // a reused column must not remember
				c.Reset()
				var want []string
				for i := range distinct + 1000 {
					v := fmt.Sprintf("value-%d-%d", round, i)
					if i >= distinct {
						v = want[rnd.IntN(distinct)]
					}
					want = append(want, v)
					c.appendText(v)
				}
				if got := lowValues(t, c); !slices.Equal(got, want) {
					t.Fatalf("round %d: values differ (seed %d)", round, seed)
				}
				if dict, _, _ := c.wireForm(); dict.rows != distinct && dict.rows > max(16, c.Rows()/2) {
					t.Fatalf("the dictionary sent has %d values for %d of %d rows", dict.rows, distinct, c.Rows())
				}
			}
		})
	}
}

func FuzzLowCardinality(f *testing.F) {
	f.Add("a\x00b\x00a\x00\x00canonical\x00hikvision\x00a")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		var want []string
		c := &lowCol{}
		c.Reset()
		for v := range bytes.SplitSeq([]byte(text), []byte{0}) {
			want = append(want, string(v))
			c.appendBytes(v)
		}
		if got := lowValues(t, c); !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

func FuzzStrings(f *testing.F) {
	f.Add("1ABC123", "", "\xff\x00")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		var col strCol
		arr := arrCol[*strCol]{ends: u64Col(), elem: new(strCol)}
		for _, v := range []string{a, b, c} {
			col.appendText(v)
			arr.elem.appendText(v)
			arr.elem.appendBytes([]byte(v))
			arr.endRow()
		}
		var dec proto.ColStr
		if err := dec.DecodeColumn(proto.NewReader(bytes.NewReader(encodeBothWays(t, &col))), 3); err != nil {
			t.Fatal(err)
		}
		list := new(proto.ColStr).Array()
		if err := list.DecodeColumn(proto.NewReader(bytes.NewReader(encodeBothWays(t, &arr))), 3); err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{a, b, c} {
			if got := dec.Row(i); got != want {
				t.Errorf("row %d is %q, want %q", i, got, want)
			}
			if got := list.Row(i); !slices.Equal(got, []string{want, want}) {
				t.Errorf("array %d is %q, want twice %q", i, got, want)
			}
		}
	})
}

func TestFixedColumnsHoldWhatWasAppended(t *testing.T) {
	id := schemas.ID{0: 1, 7: 2, 8: 3, 15: 4}
	col := uuidCol()
	col.appendID(&id)
	var ids proto.ColUUID
	if err := ids.DecodeColumn(proto.NewReader(bytes.NewReader(encodeBothWays(t, &col))), 1); err != nil {
		t.Fatal(err)
	}
	if got, want := ids[0].String(), id.String(); got != want {
		t.Errorf("id %s, want %s", got, want)
	}
	speed := i32Col()
	speed.appendI32(-5)
	var speeds proto.ColInt32
	if err := speeds.DecodeColumn(proto.NewReader(bytes.NewReader(encodeBothWays(t, &speed))), 1); err != nil {
		t.Fatal(err)
	}
	if got := speeds[0]; got != -5 {
		t.Errorf("speed %d, want -5", got)
	}
}

func TestAnOutsizedBatchIsNotKept(t *testing.T) {
	b, at := NewBlock(nil), newBatch(0).nextPosition()
	for i := range 100_000 {
		r := testRead(i, march)
		r.EventID = fmt.Sprintf("%0100d", i)
		r.Make = fmt.Sprintf("make-%d", i)
		b.AddRead(r, schemas.PassageID{}, nil, at)
	}
	b.Reset()
	if got := cap(b.reads.event.buf); got <= keepBytes || got > mostBytes {
		t.Errorf("event ids keep %d bytes after a large batch, want them all, for the next one", got)
	}
	b.AddRead(testRead(1, march), schemas.PassageID{}, nil, at)
	b.Reset()
	if got := cap(b.reads.event.buf); got > keepBytes {
		t.Errorf("event ids keep %d bytes after a usual batch, want at most %d", got, keepBytes)
	}
	if got := keepUsed(make([]byte, mostBytes+1)); got != nil {
		t.Errorf("a buffer of %d bytes is kept", cap(got))
	}
	if got := cap(b.reads.brand.slots) * 4; got > keepBytes {
		t.Errorf("makes keep a look-up table of %d bytes, want at most %d", got, keepBytes)
	}
	if cap(b.reads.lane.buf) == 0 {
		t.Error("small columns kept nothing")
	}
	if b.Rows() != 0 {
		t.Errorf("%d rows after Reset", b.Rows())
	}
}
