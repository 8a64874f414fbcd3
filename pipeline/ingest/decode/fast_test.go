package decode

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// checkFast compares the fast paths with the general decoder: the general decoder accepts every record a fast path
// accepts, and reads the same values. It reports whether a fast path accepted the record.
func checkFast(t *testing.T, b []byte) bool {
	t.Helper()
	taken := false
	for _, isJSON := range []bool{false, true} {
		fast := fastProtobuf
		if isJSON {
			fast = fastJSON
		}
		var got, want schemas.Read
		if len(b) == 0 || !fast(&got, b) {
			continue
		}
		taken = true
		if rej := decodeGeneral(&want, b, isJSON); rej != nil {
			t.Fatalf("%q: taken by the fast path, but %v", b, rej)
		}
		if err := sameRead(&got, &want); err != nil {
			t.Fatalf("%q: %v", b, err)
		}
	}
	return taken
}

func FuzzFastPathsAgreeWithTheGeneralDecoder(f *testing.F) {
	for _, b := range realRecords(f) {
		f.Add(b)
	}
	for _, m := range append(seedMessages(), usualRead()) {
		f.Add(marshalMessage(f, m))
		f.Add(marshalJSON(f, m, false))
		f.Add(marshalJSON(f, m, true))
		f.Add(compactJSON(f, m))
	}
	for _, s := range jsonOddities {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) { checkFast(t, b) })
}

// The fast paths must accept usual camera records, or they are of no use.
func TestFastPathsTakeWhatOurProducersWrite(t *testing.T) {
	for name, m := range map[string]*anprv1.PlateRead{"usual": usualRead(), "full": fullRead(), "plain": leastRead()} {
		for form, b := range map[string][]byte{
			"Protobuf": marshalMessage(t, m), "JSON": compactJSON(t, m), "protojson": marshalJSON(t, m, false), "snake": marshalJSON(t, m, true),
		} {
			if form == "snake" && len(m.Candidates) > 0 {
				continue // its alternatives go the general way
			}
			if !checkFast(t, b) {
				t.Errorf("%s %s goes the general way", name, form)
			}
		}
	}
	for i, b := range realRecords(t) {
		if !checkFast(t, b) {
			t.Errorf("record %d of a real payload goes the general way: %q", i, b)
		}
	}
	for name, m := range map[string]*anprv1.PlateRead{"quarantine": refusedUpload(), "tick": tickRecord()} {
		if checkFast(t, marshalMessage(t, m)) || checkFast(t, marshalJSON(t, m, false)) {
			t.Errorf("a %s is no read", name)
		}
	}
}

// Random messages with the bounds hit often; then cut and flipped.
func TestFastPathsAgreeOnMutatedMessages(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 3))
	var fast int
	for range 20_000 {
		m := randomMessage(rng)
		for _, b := range [][]byte{marshalMessage(t, m), compactJSON(t, m)} {
			if checkFast(t, b) {
				fast++
			}
			b = slices.Clone(b)
			switch rng.IntN(3) {
			case 0:
				b = b[:rng.IntN(len(b)+1)]
			case 1:
				b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
			case 2:
				b[rng.IntN(len(b))] = byte(rng.IntN(256))
			}
			checkFast(t, b)
		}
	}
	if fast < 5_000 {
		t.Errorf("only %d of 40,000 messages took a fast path: the test tests little", fast)
	}
}

func randomMessage(rng *rand.Rand) *anprv1.PlateRead {
	m := fullRead()
	text := func(most int) string {
		n := []int{0, 1, 7, 8, 9, 16, most - 1, most, most, most + 1}[rng.IntN(10)]
		return strings.Repeat([]string{"x", "0", "Z"}[rng.IntN(3)], n)
	}
	for range rng.IntN(4) {
		switch rng.IntN(15) {
		case 0:
			m.CameraId = text(64)
		case 1:
			m.RawPlate = text(64)
		case 2:
			m.CameraEventId = text(128)
		case 3:
			m.Make = []string{"\u0160koda", "Citro\u00ebn", "", text(64)}[rng.IntN(4)]
		case 4:
			m.ReadId = make([]byte, []int{0, 15, 16, 17}[rng.IntN(4)])
		case 5:
			m.ImageSha256 = bytes.Repeat([]byte{0xfe}, []int{0, 31, 32, 33}[rng.IntN(4)])
		case 6:
			m.CapturedAtUs = int64(rng.Uint64() >> rng.IntN(64))
		case 7:
			m.ReceivedAtUs = []int64{0, 1577836800000000, 1577836799999999, 4102444800000000, 4102444799999999, -1}[rng.IntN(6)]
		case 8:
			m.ConfidencePm, m.CountryConfidencePm = uint32(rng.IntN(1002)), uint32(rng.Uint64()>>rng.IntN(64))
		case 9:
			m.Lane, m.SpeedDkmh = uint32(rng.IntN(34)), uint32(rng.IntN(4002))
		case 10:
			m.Direction, m.VehicleKind = anprv1.Direction(rng.IntN(300)-20), anprv1.VehicleKind(rng.IntN(300)-20)
		case 11:
			m.Candidates = m.Candidates[:rng.IntN(3)]
			m.Country = []string{"be", "B", "", "B\u00e9", "1B"}[rng.IntN(5)]
		case 12:
			m.MoreImagesSha256 = slices.Repeat([][]byte{bytes.Repeat([]byte{0xee}, []int{31, 32, 32, 32, 33}[rng.IntN(5)])}, rng.IntN(10))
		case 14:
			m.Measures = slices.Clone(measuredRead().Measures[:rng.IntN(5)])
			if rng.IntN(2) == 0 {
				m.Measures = append(m.Measures, &anprv1.Measure{Name: "red_time_ms", Value: rng.Int64N(3) - 1})
			}
		case 13:
			m.ImageKinds = strings.Repeat("p,", []int{0, 1, 9, 32, 33}[rng.IntN(5)])
		}
	}
	return m
}

func TestWholeNumbersOfJSON(t *testing.T) {
	for _, s := range []string{
		"0", "7", "12345678", "123456789", "1234567812345678", "123456781234567890", "999999999999999999", "1795269600123456",
		"", "01", "00", "1234567a", "1234567\xfa8", "1234567/", "1234567:", "1234567@8", "-1", "+1", "1234567812345678123", "12345678123456781",
		"\xfa\xfa\xfa\xfa\xfa\xfa\xfa\xfa", "\x30\xfa34567890",
	} {
		for _, quoted := range []bool{false, true} {
			in := s + ",        "
			if quoted {
				in = strconv.Quote("")[:1] + s + `"        `
			}
			got, end := wholeAt([]byte(in), 0, 1<<63-1)
			digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
			want, err := strconv.ParseUint(s[:digits], 10, 64)
			ok := err == nil && digits <= 18 && (digits == 1 || s[0] != '0') && (!quoted || digits == len(s))
			if ok != (end != gone) || ok && got != want {
				t.Errorf("%q: got %d %v, want %d %v", in, got, end != gone, want, ok)
			}
		}
	}
}

func TestBoundsOfAVarint(t *testing.T) {
	for _, v := range []uint64{0, 1, 127, 128, 1000, 1001, 16383, 16384, 1 << 21, 1<<28 - 1, 1 << 49, 1<<56 - 1} {
		b := protowire.AppendVarint(nil, v)
		for _, tail := range []string{"", "\x00", "\x80", "\xff\xff\xff\xff\xff\xff\xff\xff\xff"} {
			in := append(slices.Clone(b), tail...)
			for name, read := range map[string]func([]byte, int, uint64) (uint64, int){"number": numberAt, "long": longAt} {
				if got, end := read(in, 0, v); got != v || end != len(b) {
					t.Errorf("%s %x: got %d to %d, want %d to %d", name, in, got, end, v, len(b))
				}
				if v > 0 {
					if _, end := read(in, 0, v-1); end != gone {
						t.Errorf("%s %x: accepted above its bound", name, in)
					}
				}
			}
		}
	}
	if _, end := longAt([]byte("\x80\x80"), 0, 1000); end != gone {
		t.Error("accepted a varint without end")
	}
}
