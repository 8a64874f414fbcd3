//go:build e2e

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// TestOnePoisonedPartitionStopsNoOther: a record batch that no reader can take lies on one of four partitions. The
// other partitions are stored, the program names the cure, a command gives the records up, and the account shows
// them.
func TestOnePoisonedPartitionStopsNoOther(t *testing.T) {
	bin, data := build(t), t.TempDir()
	r := up(t, bin, data)
	now := time.Now().UnixMicro()
	send := func(what string) {
		t.Helper()
		var values [][]byte
		for i := range 4 * 5 {
			b, err := proto.Marshal(&anprv1.PlateRead{CameraId: "BRU-0001", CapturedAtUs: now, ReceivedAtUs: now, RawPlate: fmt.Sprintf("1%s%03d", what, i), ConfidencePm: 900})
			if err != nil {
				t.Fatal(err)
			}
			values = append(values, b)
		}
		r.produce(t, values...) // five on each partition
	}
	stored := func(what string) string { return "SELECT count() FROM reads WHERE plate LIKE '1" + what + "%'" }
	send("BEF")
	r.eventually(t, stored("BEF"), "20")
	first := r.poison(t, 2, 3)
	send("AFT")
	r.eventually(t, stored("AFT"), "15")

	ready := r.readyz(t)
	want := "partition 2 parked since "
	if !strings.Contains(ready, want) || !strings.Contains(ready, fmt.Sprintf("[%d, %d) cannot be read", first, first+3)) {
		t.Errorf("/readyz says %s, want that partition 2 is parked at [%d, %d)", ready, first, first+3)
	}
	partition := func(ok bool, args ...string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), bin, append([]string{"partition"}, args...)...).CombinedOutput()
		if (err == nil) != ok {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	to := fmt.Sprint(first + 3)
	resume := []string{"resume", "--data", data, "--reason", "batch of the test bench, ticket 4711", "--watch", "2s"}
	if out := partition(false, append(resume, "--partition", "1", "--skip-to", "1")...); !strings.Contains(out, "nothing before it is waiting") {
		t.Errorf("a partition that stands at its end: %s", out)
	}
	if out := partition(false, append(resume, "--partition", "2", "--skip-to", "9999")...); !strings.Contains(out, "the log of partition 2 ends at offset") {
		t.Errorf("beyond the log: %s", out)
	}
	if out := partition(false, append(resume, "--partition", "2", "--skip-to", fmt.Sprint(first+4))...); !strings.Contains(out, fmt.Sprintf("only the records [%d, %d) cannot be read; skip to %s", first, first+3, to)) {
		t.Errorf("into records that can be read: %s", out)
	}
	partition(true, append(resume, "--partition", "2", "--skip-to", to, "--dry-run")...)
	if out := partition(true, "list", "--data", data); strings.Contains(out, "[") {
		t.Errorf("a dry run recorded a loss: %s", out)
	}
	partition(true, append(resume, "--partition", "2", "--skip-to", to)...)
	r.eventually(t, stored("AFT"), "20")
	if out := partition(true, "list", "--data", data); !strings.Contains(out, fmt.Sprintf("[%d, %s)", first, to)) {
		t.Errorf("the list does not name the loss: %s", out)
	}
	if ready := r.readyz(t); strings.Contains(ready, "parked") {
		t.Errorf("/readyz still says %s", ready)
	}
	at := time.Now().Truncate(time.Minute)
	out, _ := exec.CommandContext(t.Context(), bin, "reconcile", "--data", data, "--from", at.Add(-10*time.Minute).Format(time.RFC3339), "--to", at.Add(time.Minute).Format(time.RFC3339)).CombinedOutput()
	if !strings.Contains(string(out), fmt.Sprintf("LOST, recorded: partition 2, offsets [%d, %s)", first, to)) || !strings.Contains(string(out), "ticket 4711") || !strings.Contains(string(out), "residual 0") {
		t.Errorf("the account: %s", out)
	}
	trial, err := exec.CommandContext(t.Context(), bin, "restore", "--data", data, "--from-log", "--clickhouse-database", "anpr_trial", "--compare", "anpr").CombinedOutput()
	if err != nil || r.query(t, "SELECT count() FROM anpr_trial.reads WHERE plate LIKE '1AFT%'") != "20" || r.query(t, "SELECT loss_reason FROM anpr_trial.batches WHERE lost > 0") != "batch of the test bench, ticket 4711" {
		t.Errorf("a rebuild from the log beside it: %v\n%s", err, trial)
	}
	r.kill(t) // the next owner's horizon includes the poisoned batch
	r = up(t, bin, data)
	send("NEX")
	r.eventually(t, stored("NEX"), "20")
	stopped(t, r)
}

// readyz asks the ops port.
func (r *running) readyz(t *testing.T) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.ops+"/readyz", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// poison puts a batch of n records on a partition that claims to be compressed and is not, and returns the first
// offset. No client can read the batch.
func (r *running) poison(t *testing.T, partition, n int) int64 {
	t.Helper()
	packed := []byte("this was never compressed by anybody")
	const header = 61
	b := append(make([]byte, header), packed...)
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12)) // length
	b[16] = 2                                            // format
	b[22] = byte(kafka.Zstd)                             // attributes
	binary.BigEndian.PutUint32(b[23:], uint32(n-1))      // last offset
	binary.BigEndian.PutUint64(b[27:], uint64(time.Now().UnixMilli()))
	binary.BigEndian.PutUint64(b[35:], uint64(time.Now().UnixMilli()))
	for i := 43; i < 57; i++ { // no producer
		b[i] = 0xff
	}
	binary.BigEndian.PutUint32(b[57:], uint32(n))
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
	client := &kafka.Client{Addr: kafka.TCP(r.kafka), Timeout: 30 * time.Second, Transport: r.broker(t).Kafka().Transport("e2e")}
	resp, err := client.RawProduce(t.Context(), &kafka.RawProduceRequest{
		Topic: schemas.TopicReads, Partition: partition, RequiredAcks: kafka.RequireAll, RawRecords: protocol.RawRecordSet{Reader: bytes.NewReader(append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...))},
	})
	if err != nil || resp.Error != nil {
		t.Fatal(err, resp)
	}
	return resp.BaseOffset
}
