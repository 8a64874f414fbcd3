package ingest

import (
	"fmt"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// minutesOf is a time of so many minutes, in tenths.
func minutesOf(tenths int) schemas.Micros { return schemas.Micros(tenths) * schemas.Minute / 10 }

// tickAt is a tick as an owner writes it.
func tickAt(at schemas.Micros) *anprv1.PlateRead {
	return &anprv1.PlateRead{Tick: &anprv1.Tick{AtUs: int64(at)}}
}

// TestAVehicleAfterAQuietTimeIsOnePassageAndOneHit: however long nothing was received, with and without ticks in it.
func TestAVehicleAfterAQuietTimeIsOnePassageAndOneHit(t *testing.T) {
	for _, idle := range []int{1, 10, 16, 20, 33, 130, 200, 2000, 14_400, 10 * 14_400} { // tenths of a minute
		for _, owned := range []bool{false, true} {
			at := simStart + schemas.Hour
			reads := []*anprv1.PlateRead{camRead("front", "1KLM453", at, at)}
			if owned {
				reads = append(reads, tickAt(at+6*schemas.Second))
			}
			at += minutesOf(idle)
			for i := range schemas.Micros(3) {
				reads = append(reads, camRead("front", "1ABC128", at+i*schemas.Second, at+i*schemas.Second))
			}
			block, b := oneShard(t, encodeReads(reads))
			if b.Totals.Passages != 2 || b.Totals.Hits != 1 {
				t.Errorf("idle %.1f min, ticks %v: %d passages and %d hits, want 2 and 1: %v", float64(idle)/10, owned, b.Totals.Passages, b.Totals.Hits, block.rows["passages"])
			}
		}
	}
}

// TestALateSpeedAfterAQuietTimeJoinsItsPassage: an earlier defect cut such a passage into three.
func TestALateSpeedAfterAQuietTimeJoinsItsPassage(t *testing.T) {
	at := simStart + 5*schemas.Hour
	plain := func(m *anprv1.PlateRead) { m.SpeedDkmh = 0 }
	block, b := oneShard(t, encodeReads([]*anprv1.PlateRead{
		camRead("front", "1KLM453", simStart, simStart), camRead("front", "1OKA112", at, at, plain),
		camRead("front", "1OKA112", at+schemas.Second, at+schemas.Second, func(m *anprv1.PlateRead) { m.SpeedDkmh = 700 }),
	}))
	if b.Totals.Passages != 2 || countRowsWith(block.rows["offences"], "speed") != 1 {
		t.Errorf("%d passages and the offences %v, want 2 and 1", b.Totals.Passages, block.rows["offences"])
	}
}

// TestAWildClockClosesNothingAndStopsNothing: a single record, or one gateway among several, has a received_at wrong
// by any amount.
func TestAWildClockClosesNothingAndStopsNothing(t *testing.T) {
	at := simStart + 5*schemas.Hour
	for _, wrong := range []schemas.Micros{
		30 * schemas.Second, 2 * schemas.Minute, 10 * schemas.Minute, schemas.Hour, 24 * schemas.Hour, 300 * 24 * schemas.Hour,
		-30 * schemas.Second, -2 * schemas.Minute, -schemas.Hour, -24 * schemas.Hour,
	} {
		for _, every := range []int{0, 1, 2, 3, 7} { // the wrong gateway has every so-manieth record; 0 = one record in all
			var reads []*anprv1.PlateRead
			for i := range 60 { // a vehicle in view for 1.8 s, another one, and so on for a minute; the sim's passages close after 2 s
				vehicle, now := i/3, at+schemas.Micros(i)*900*schemas.Millisecond
				reads = append(reads, camRead("front", fmt.Sprintf("1ABC%03d", 128+vehicle*10), now, now))
				if every == 0 && i == 20 || every > 0 && i%every == 0 {
					reads = append(reads, camRead("mobile-00", "1KLM453", now, now+wrong, func(m *anprv1.PlateRead) { m.CameraEventId = fmt.Sprint(i) }))
				}
			}
			reads = append(reads, tickAt(at+54*schemas.Second+6*schemas.Second))
			block, b := oneShard(t, encodeReads(reads))
			if n := countRowsWith(block.rows["passages"], " front "); n != 20 || b.Totals.Rejected != 0 {
				t.Errorf("wrong by %d s, every %d: %d passages of the right camera and %d rejects, want 20 and 0", wrong/schemas.Second, every, n, b.Totals.Rejected)
			}
			if b.Totals.Hits != 1 {
				t.Errorf("wrong by %d s, every %d: %d hits, want 1", wrong/schemas.Second, every, b.Totals.Hits)
			}
		}
	}
}
