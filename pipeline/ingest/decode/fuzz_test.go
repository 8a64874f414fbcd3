package decode

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// protobufOnly is Record for bytes that are not to be taken for JSON.
func protobufOnly(b []byte) (*schemas.Read, *schemas.RejectError) {
	var r schemas.Read
	if len(b) == 0 {
		return &r, Record(&r, b)
	}
	if fastProtobuf(&r, b) {
		return &r, nil
	}
	return &r, decodeGeneral(&r, b, false)
}

func checkProtobuf(t *testing.T, b []byte) {
	t.Helper()
	got, rej := protobufOnly(b)
	want, err := oracleProtobuf(b)
	switch {
	case rej != nil && strings.Contains(rej.Detail, "nest deeper"):
		return // bounded more tightly than proto.Unmarshal does
	case (rej == nil) != (err == nil):
		t.Fatalf("%x: rejected %v, oracle %v", b, rej, err)
	case err == nil:
		if err := sameRead(got, want); err != nil {
			t.Fatalf("%x: %v", b, err)
		}
	case rej.Reason == schemas.ReasonNone:
		t.Fatalf("%x: rejected without a reason", b)
	}
}

// The decoder accepts exactly what proto.Unmarshal and the checks of the contract accept, and reads the same values.
func FuzzProtobufAgreesWithGeneratedCode(f *testing.F) {
	for _, b := range realRecords(f) {
		f.Add(b)
	}
	for _, m := range seedMessages() {
		f.Add(marshalMessage(f, m))
	}
	f.Add(append(marshalMessage(f, leastRead()), marshalMessage(f, fullRead())...))                          // last wins
	f.Add(protowire.AppendTag(marshalMessage(f, leastRead()), fCamera, protowire.VarintType))                // truncated
	f.Add(append(protowire.AppendTag(marshalMessage(f, leastRead()), fLane, protowire.BytesType), 1, 'x'))   // wrong wire type
	f.Add(append(protowire.AppendTag(marshalMessage(f, leastRead()), 40, protowire.StartGroupType), 8, 1))   // open group
	f.Add(append(marshalMessage(f, leastRead()), 0xc3, 0x02, 0x08, 0x01, 0xc4, 0x02))                        // closed group, field 40
	f.Add(append(marshalMessage(f, leastRead()), 0xc0, 0x02, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 255)) // varint too long
	f.Fuzz(checkProtobuf)
}

// The same on messages mutated at the level of fields, which random bytes seldom reach.
func TestProtobufAgreesWithGeneratedCodeOnMutatedMessages(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	var seeds [][]byte
	for _, m := range seedMessages() {
		seeds = append(seeds, marshalMessage(t, m))
	}
	for range 40_000 {
		checkProtobuf(t, mutateSeed(rng, seeds))
	}
}

func mutateSeed(rng *rand.Rand, seeds [][]byte) []byte {
	b := bytes.Clone(seeds[rng.IntN(len(seeds))])
	for range 1 + rng.IntN(4) {
		switch num := protowire.Number(1 + rng.IntN(34)); rng.IntN(7) {
		case 0:
			b = b[:rng.IntN(len(b)+1)]
		case 1:
			if len(b) > 0 {
				b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
			}
		case 2:
			b = protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), rng.Uint64()>>rng.IntN(64))
		case 3:
			b = protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), make([]byte, rng.IntN(140)))
		case 4:
			b = append(b, seeds[rng.IntN(len(seeds))]...)
		case 5:
			b = protowire.AppendFixed32(protowire.AppendTag(b, num, protowire.Fixed32Type), rng.Uint32())
		case 6:
			b = protowire.AppendGroup(protowire.AppendTag(b, num+fTick, protowire.StartGroupType), num+fTick, seeds[0])
		}
	}
	return b
}

func jsonOnly(b []byte) (*schemas.Read, *schemas.RejectError) {
	var r schemas.Read
	if fastJSON(&r, b) {
		return &r, nil
	}
	return &r, decodeGeneral(&r, b, true)
}

func checkJSON(t *testing.T, b []byte) {
	t.Helper()
	got, rej := jsonOnly(b)
	var m anprv1.PlateRead
	err := protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(b, &m)
	if err == nil && !json.Valid(b) {
		err = refuseRecord("protojson takes more than JSON")
	}
	var want *schemas.Read
	if err == nil {
		want, err = oracleMessage(&m)
	}
	switch {
	case rej != nil && strings.Contains(rej.Detail, "nested too deep"):
		return // bounded more tightly than protojson does
	case (rej == nil) != (err == nil):
		t.Fatalf("%q: rejected %v, oracle %v", b, rej, err)
	case err == nil:
		if err := sameRead(got, want); err != nil {
			t.Fatalf("%q: %v", b, err)
		}
	}
}

// The JSON decoder accepts exactly the valid JSON accepted by protojson and the contract's checks.
func FuzzJSONAgreesWithProtojson(f *testing.F) {
	for _, b := range realRecords(f) {
		f.Add(b)
	}
	for _, m := range seedMessages() {
		f.Add(marshalJSON(f, m, false))
		f.Add(marshalJSON(f, m, true))
	}
	for _, s := range jsonOddities {
		f.Add([]byte(s))
	}
	f.Fuzz(checkJSON)
}

func TestJSONAgreesWithProtojsonOnMutatedMessages(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	pieces := []string{
		`"`, `\`, `\u00e9`, `\ud83d\ude00`, `\ud83d`, `,`, `:`, `{`, `}`, `[`, `]`, `null`, `true`, `1e2`, `-0`, `0.50e1`,
		`"17"`, `18446744073709551615`, ` `, "\xff", "\x01", "=", "-", "_", `"lane":3`, `,"lane":"4"`, `"x":[{}]`,
	}
	var seeds [][]byte
	for _, m := range seedMessages() {
		seeds = append(seeds, marshalJSON(t, m, false), marshalJSON(t, m, true))
	}
	for range 40_000 {
		b := bytes.Clone(seeds[rng.IntN(len(seeds))])
		for range 1 + rng.IntN(2) {
			i, j := rng.IntN(len(b)+1), 0
			if rng.IntN(2) == 0 {
				j = min(rng.IntN(4), len(b)-i)
			}
			b = slices.Concat(b[:i], []byte(pieces[rng.IntN(len(pieces))]), b[i+j:])
		}
		checkJSON(t, b)
	}
}

// Whatever comes, Record answers, and allocates in proportion to what came.
func FuzzRecordIsBounded(f *testing.F) {
	for _, b := range realRecords(f) {
		f.Add(b)
	}
	for _, m := range seedMessages() {
		f.Add(marshalMessage(f, m))
		f.Add(marshalJSON(f, m, true))
	}
	f.Add([]byte(strings.Repeat(`{"a":`, 5000)))
	f.Add([]byte(strings.Repeat("\x83\x06", 5000)))
	f.Fuzz(func(t *testing.T, b []byte) {
		var r schemas.Read
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		rej := Record(&r, b)
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > uint64(8*len(b)+64<<10) {
			t.Errorf("%d bytes of input made %d bytes of allocations", len(b), grown)
		}
		if rej == nil && r.Tick == 0 && r.Quarantine == nil && (r.Camera == "" || r.RawPlate == "" || r.ID.IsZero()) {
			t.Errorf("accepted a read without identity: %#v", r)
		}
	})
}

// A message decodes to the same read from both encodings.
func FuzzEncodingsAgree(f *testing.F) {
	for _, b := range realRecords(f) {
		f.Add(b)
	}
	for _, m := range seedMessages() {
		f.Add(marshalMessage(f, m))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var m anprv1.PlateRead
		if proto.Unmarshal(b, &m) != nil {
			return
		}
		js, err := protojson.Marshal(&m)
		if err != nil {
			return
		}
		m.ProtoReflect().SetUnknown(nil)
		bin := marshalMessage(t, &m)
		if len(bin) == 0 {
			return
		}
		fromProto, rejProto := protobufOnly(bin)
		fromJSON, rejJSON := jsonOnly(js)
		if (rejProto == nil) != (rejJSON == nil) {
			if rejProto != nil && rejProto.Reason == schemas.ReasonMalformed {
				return // an unknown field of a nested message had a known number
			}
			t.Fatalf("Protobuf %v, JSON %v", rejProto, rejJSON)
		}
		if rejProto == nil {
			if err := sameRead(fromProto, fromJSON); err != nil {
				t.Fatal(err)
			}
		}
	})
}
