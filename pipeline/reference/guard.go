package reference

import (
	"fmt"
	"maps"
	"slices"

	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// copyDates are the times up to which copies are complete: registers by country, other copies by name.
type copyDates struct {
	registers, copies map[string]schemas.Micros
}

// suspiciousChanges compares a valid version with the counts and dates of copies before. It returns changes typical for
// a broken delivery: more than half or all records lost from a kind or a list, a list gone, a register going back in
// time. which names the version before in the texts.
func suspiciousChanges(a Stats, dates copyDates, next *Snapshot, which string) []Problem {
	var out []Problem
	b := next.Stats()
	shrunk := func(file, what string, was, is int) {
		if 2*is < was {
			out = append(out, Problem{File: file, Detail: fmt.Sprintf(
				"has %d %s, %s %d; if that is right, allow it to shrink", is, what, which, was,
			)})
		}
	}
	shrunk(fileCameras, "cameras", a.Cameras, b.Cameras)
	shrunk(fileVehicles, "vehicles", a.Vehicles, b.Vehicles)
	shrunk(fileExemptions, "exemptions", a.Exemptions, b.Exemptions)
	shrunk(filePasses, "day passes", a.DayPasses, b.DayPasses)
	shrunk(fileRegistrations, "registrations", a.Registrations, b.Registrations)
	for _, name := range slices.Sorted(maps.Keys(a.Lists)) {
		shrunk(listDir+"/"+name+listExt, "entries", a.Lists[name], b.Lists[name])
	}
	out = append(out, moreEnded(a.Standing, b.Standing, which)...)
	out = append(out, fewerPermits(a.Permits, b.Permits, which)...)
	for _, name := range slices.Sorted(maps.Keys(dates.registers)) {
		country, _ := schemas.CountryFrom(name)
		was := dates.registers[name]
		asOf, ok := next.RegisterAsOf(country)
		switch {
		case !ok:
			out = append(out, Problem{File: fileRegisters, Detail: fmt.Sprintf(
				"no longer has the register of %s; if that is right, allow it to shrink", name,
			)})
		case asOf < was:
			out = append(out, Problem{File: fileRegisters, Detail: fmt.Sprintf(
				"the register of %s goes back from %s to %s; if that is right, allow it to shrink", name, was, asOf,
			)})
		}
	}
	return append(out, olderCopies(dates.copies, next)...)
}

// fewEnded is the number of vehicles up to which any growth of ended papers is believed.
const fewEnded = 100

// moreEnded returns a problem when far more vehicles than before have a paper that ended: the dates are probably those of
// another column, and the police would stop drivers whose papers are in order.
func moreEnded(was, is int, which string) []Problem {
	if was < fewEnded || is <= 2*was {
		return nil
	}
	return []Problem{{File: fileStanding, Detail: fmt.Sprintf(
		"has %d vehicles of which a paper has ended, %s %d: more than twice as many; if that is right, allow it to shrink", is, which, was,
	)}}
}

// olderCopies returns the copies that go back in time, or whose age is stated no more.
func olderCopies(before map[string]schemas.Micros, next *Snapshot) (out []Problem) {
	for _, name := range slices.Sorted(maps.Keys(before)) {
		asOf, stated := next.copies[rules.Copy(name)]
		switch {
		case !stated:
			out = append(out, Problem{File: fileRegisters, Detail: fmt.Sprintf("no longer states the age of the copy %s; if that is right, allow it to shrink", name)})
		case asOf < before[name]:
			out = append(out, Problem{File: fileRegisters, Detail: fmt.Sprintf(
				"the copy %s goes back from %s to %s; if that is right, allow it to shrink", name, before[name], asOf,
			)})
		}
	}
	return out
}

// fewerPermits returns the zones that lost more than a tenth of their permits, and more than two. A permit that is
// missing makes a fine of a right, so permits are held to more than other data.
func fewerPermits(before, after map[string]int, which string) (out []Problem) {
	for _, zone := range slices.Sorted(maps.Keys(before)) {
		was, is := before[zone], after[zone]
		if lost := was - is; lost > 2 && 10*lost > was || 2*is < was {
			out = append(out, Problem{File: filePermits, Detail: fmt.Sprintf(
				"has %d permits for zone %s, %s %d: more than a tenth is gone, and who had one would be fined; if that is right, allow it to shrink", is, zone, which, was,
			)})
		}
	}
	return out
}
