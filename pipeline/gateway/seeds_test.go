package gateway

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/schemas"
)

// decodeSeeds are the records made from the published payloads in testdata, the seeds for the fuzz targets in
// pipeline/ingest/decode: one a line, in hexadecimal. The packages do not import each other, so the bytes go through a
// file rewritten by -update.
const decodeSeeds = "../ingest/decode/testdata/records.hex"

func TestTheSeedsOfTheDecoderAreTheRecordsOfOurPayloads(t *testing.T) {
	var got bytes.Buffer
	for _, file := range samples(t) {
		events, rej := parseUpload(formatOf(file), typeOf(file), load(t, file))
		if rej != nil {
			t.Fatalf("%s: %v", file, rej)
		}
		for _, ev := range events {
			if ev.Err != nil || ev.Ignored != "" {
				continue
			}
			r := proto.CloneOf(ev.Read)
			if r.CapturedAtUs == 0 { // the gateway sets its own time for a camera that says none
				r.CapturedAtUs = 1795269600_000000
			}
			r.CameraId, r.ReceivedAtUs = "BRU-0001", r.CapturedAtUs+350_000
			seed := &CameraEvent{Read: r, stated: statedTime{wall: schemas.Micros(r.CapturedAtUs), zone: zoneExact}}
			seed.setReadID()
			r.Format = findFormat(formatOf(file)).Name
			b, err := proto.MarshalOptions{Deterministic: true}.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			got.WriteString(hex.EncodeToString(b) + "\n")
		}
	}
	if *update {
		if err := os.MkdirAll(filepath.Dir(decodeSeeds), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(decodeSeeds, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if want := load(t, decodeSeeds); !bytes.Equal(got.Bytes(), want) {
		t.Errorf("the records changed: run go test ./pipeline/gateway -run Seeds -update")
	}
	lines := 0
	for in := bufio.NewScanner(&got); in.Scan(); {
		lines++
	}
	if lines < 15 {
		t.Errorf("only %d records", lines)
	}
}
