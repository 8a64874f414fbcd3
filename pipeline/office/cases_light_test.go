package office

import (
	"slices"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// An item of a light says how long it had its colour, and how much of that counts: nobody can decide it without. Its device
// needs a certificate, as one that measures speeds does.
func TestAnItemOfALightSaysItsTime(t *testing.T) {
	for _, x := range []struct {
		measures []schemas.Measure
		want     []string
	}{
		{[]schemas.Measure{{Name: schemas.RedTime, Value: 1200, Uncertainty: 50}, {Name: schemas.RedTimeLeft, Value: 850}}, []string{"red", "1200", "850"}},
		{[]schemas.Measure{{Name: schemas.AmberTime, Value: 2100}, {Name: schemas.AmberTimeLeft, Value: 1100}}, []string{"amber", "2100", "1100"}},
	} {
		item := &Item{Family: "f", Light: lightOf(x.measures)}
		if got := questionOfItem(item).Args; !slices.Equal(got, x.want) {
			t.Errorf("got %v, want %v", got, x.want)
		}
		cam := &schemas.Camera{ID: "C"}
		o := &Office{cfg: Config{Camera: func(string) *schemas.Camera { return cam }}}
		c := &cases.Case{}
		c.Measures = x.measures
		if !o.lacksCertificate(c) {
			t.Errorf("%v: a device without a certificate is not seen", x.want)
		}
		cam.Certificates = []schemas.Certificate{{Serial: "S", ValidFrom: -1, ValidTo: 1}}
		if o.lacksCertificate(c) {
			t.Errorf("%v: a device with a certificate lacks it", x.want)
		}
	}
	if lightOf([]schemas.Measure{{Name: schemas.MeasuredSpeed, Value: 5}}) != nil {
		t.Error("a speed is no light")
	}
}
