package roles

import (
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// The export check asks a device and a speed of the families that measure them alone: else no case of a lane, a zone or
// a street could ever be handed over.
func TestTheExportCheckAsksOnlyWhatAFamilyMeasures(t *testing.T) {
	l := &caseLaw{camera: func(string) *schemas.Camera { return nil }}
	for _, info := range rules.Families() {
		if !info.Decides() {
			continue
		}
		in := &cases.Intake{Decision: schemas.Decision{Family: info.Family}}
		for field, of := range map[string]schemas.MeasureName{
			"measured_speed": schemas.MeasuredSpeed, "corrected_speed": schemas.CorrectedSpeed, "limit": schemas.AllowedSpeed, "device_serial": "", "device_approval": "", "automatic_device": "",
		} {
			asked := len(info.Measures) > 0 && info.Measures[0] != schemas.OrangePlate
			if of != "" {
				asked = false
				for _, m := range info.Measures {
					asked = asked || m == of
				}
			}
			if got := !l.hasField(in, field); got != asked {
				t.Errorf("%s: %s is asked: %t, want %t", info.Family, field, got, asked)
			}
		}
		if l.hasField(in, "picture") {
			t.Errorf("%s: no picture is asked", info.Family)
		}
	}
	if l.hasField(&cases.Intake{Decision: schemas.Decision{Family: "of a newer program"}}, "measured_speed") {
		t.Error("what a family of a newer program measures is not asked")
	}
}
