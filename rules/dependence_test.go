package rules

import (
	"slices"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

// stepOf makes a clause of a trace.
func stepOf(c Clause, args ...string) schemas.Step {
	return schemas.Step{Code: c.Key, Holds: true, Args: args, Verified: true}
}

// A decision rests on what its trace recorded, and on nothing else.
func TestADecisionRestsOnWhatItRecorded(t *testing.T) {
	speed := schemas.DecisionBasis{Camera: "C1", Catalogue: "c1", Reference: "r1", Trace: []schemas.Step{
		stepOf(stepSpeedCamera, "C1"), stepOf(stepSpeedLimit, "500", "built_up"), stepOf(stepClock, "t1", "t2"), stepOf(stepSpeedCertificate, "S-1", "A", "d1", "d2"),
	}}
	section := schemas.DecisionBasis{Camera: "C3", Catalogue: "c2", Reference: "r1", Trace: []schemas.Step{
		stepOf(stepSectionCamera, "C3"), stepOf(stepSectionPaired, "SEC"), stepOf(stepSectionEntry, "C2", "t", "p", "r"), stepOf(stepSectionExit, "C3", "t", "p", "r"), stepOf(stepSectionTime, "1", "2"),
		stepOf(stepSpeedLimit, "500", "built_up"), stepOf(stepClock, "t1", "t2"), stepOf(stepSectionCert, "S-2", "A", "d1", "d2"),
	}}
	barred := schemas.DecisionBasis{Camera: "C4", Catalogue: "c1", Reference: "r2", Trace: []schemas.Step{
		stepOf(stepZoneHours, "Z1", "school", "t"), stepOf(stepZoneNoPermit, "Z1", "", ""), stepOf(stepZonePermits, "2026-11-20T08:00:00Z", "t"), stepOf(stepClock, "t1", "t2"),
	}}
	low := schemas.DecisionBasis{Camera: "C5", Catalogue: "c1", Reference: "r2", Trace: []schemas.Step{stepOf(stepLEZCamera, "C5")}}
	red := schemas.DecisionBasis{Camera: "C6", Catalogue: "c1", Reference: "r2", Trace: []schemas.Step{stepOf(stepRedLightCamera, "C6"), stepOf(stepRedLightCertificate, "S-6", "A", "d1", "d2")}}
	all := []*schemas.DecisionBasis{&speed, &section, &barred, &low, &red}
	for value, want := range map[string][]*schemas.DecisionBasis{
		"limit:C1": {&speed}, "limit:C3": nil, "limit:C2": nil, "limit:C4": nil, "zone:Z1": {&barred}, "zone:C5": {&low}, "zone:C1": nil, "permits:r2": {&barred}, "permits:r1": nil,
		"permits:2026-11-20T08:00:00Z": {&barred}, "certificate:C1": {&speed}, "certificate:S-1": {&speed}, "certificate:SEC": {&section}, "certificate:S-2": {&section}, "certificate:C3": nil,
		"certificate:C6": {&red}, "clock:C1": {&speed}, "clock:C2": {&section}, "clock:C3": {&section}, "clock:C5": nil, "section:SEC": {&section}, "section:C3": nil,
		"catalogue:c1": {&speed, &barred, &low, &red}, "catalogue:c2": {&section}, "camera:C2": {&section}, "camera:C6": {&red}, "camera:C9": nil,
	} {
		v, err := ParseDependency(value)
		if err != nil || v.String() != value {
			t.Fatalf("%s: %v, %v", value, v, err)
		}
		for i, d := range all {
			because, ok := v.FindIn(d)
			if ok != slices.Contains(want, d) {
				t.Errorf("decision %d on %s: %t", i, value, ok)
			}
			if ok && v.Kind != OnCatalogue && (len(because) == 0 || !slices.Contains(v.NamesIn(d), v.Name) && !strings.HasPrefix(v.Name, "S-")) {
				t.Errorf("decision %d on %s: because %v, names %v", i, value, because, v.NamesIn(d))
			}
		}
	}
	for _, value := range []string{"", "limit", "limit:", "colour:red", "software:v1", "sign:S1", "limit:" + strings.Repeat("x", 200), "limit:a\nb"} {
		if v, err := ParseDependency(value); err == nil {
			t.Errorf("%q is taken as %v", value, v)
		}
	}
}
