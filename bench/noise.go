package bench

import (
	"fmt"
	"time"
)

// Noise gives the shares of reads and passings with a fault, in parts per million. The [Truth] counts each kind.
// A nil *Noise means [UsualNoise]; a pointer to the zero Noise means clean traffic.
type Noise struct {
	Confused      int `json:"confused"`       // of reads: a character taken for another in its confusion class
	NoCountry     int `json:"no_country"`     // of reads: the camera does not say the country
	Unreadable    int `json:"unreadable"`     // of reads: a vehicle and no plate
	Malformed     int `json:"malformed"`      // of reads: bytes without a record
	UnknownCamera int `json:"unknown_camera"` // of reads: a camera outside the registry
	ExpiredCamera int `json:"expired_camera"` // of reads: a camera whose registry entry ended
	ClockAhead    int `json:"clock_ahead"`    // of reads: camera clock 27 to 29 hours ahead
	ClockLost     int `json:"clock_lost"`     // of reads: camera clock in the first minutes after 1970 began
	Retransmitted int `json:"retransmitted"`  // of accepted reads: the same event again, 1 to 20 s later
	Parked        int `json:"parked"`         // of passings: the vehicle stays in view, a read every 2 to 6 s
	Outage        int `json:"outage"`         // of reads from a temporary camera: the link is lost and all reads are sent at once later

	ParkedFor time.Duration `json:"parked_for"` // longest stay in view; default 5 minutes
	OutageFor time.Duration `json:"outage_for"` // longest outage; default 10 minutes
}

// UsualNoise returns the default shares. They are chosen for coverage, not measured: for Brussels no source gives any.
// For misreads there is a figure of the UK in 2017, about 3 per cent.
func UsualNoise() *Noise {
	return &Noise{
		Confused: 20_000, NoCountry: 10_000, Unreadable: 10_000, Malformed: 200, UnknownCamera: 500, ExpiredCamera: 300,
		ClockAhead: 300, ClockLost: 200, Retransmitted: 10_000, Parked: 300, Outage: 5_000,
	}
}

const million = 1_000_000

// checkShares fills in the durations and checks each share and the sum over mutually exclusive faults.
func (d *Noise) checkShares() error {
	if d.ParkedFor == 0 {
		d.ParkedFor = 5 * time.Minute
	}
	if d.OutageFor == 0 {
		d.OutageFor = 10 * time.Minute
	}
	for _, s := range []int{d.Confused, d.NoCountry, d.Unreadable, d.Malformed, d.UnknownCamera, d.ExpiredCamera, d.ClockAhead, d.ClockLost, d.Retransmitted, d.Parked, d.Outage} {
		if s < 0 || s > million {
			return fmt.Errorf("dirt: share %d: want 0 to %d parts per million", s, million)
		}
	}
	if d.refusedShare()+d.Confused > million {
		return fmt.Errorf("dirt: refused and confused reads are %d parts per million of all: want at most %d", d.refusedShare()+d.Confused, million)
	}
	if d.ParkedFor < 10*time.Second || d.OutageFor < time.Second {
		return fmt.Errorf("dirt: parked_for %v, outage_for %v: want at least 10s and 1s", d.ParkedFor, d.OutageFor)
	}
	return nil
}

// refusedShare sums the faults for which the pipeline must reject a read, in parts per million.
func (d *Noise) refusedShare() int {
	return d.Unreadable + d.Malformed + d.UnknownCamera + d.ExpiredCamera + d.ClockAhead + d.ClockLost
}
