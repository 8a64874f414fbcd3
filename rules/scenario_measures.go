package rules

import (
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// addMeasurements adds what the camera states beside the speed: red=1.2 and amber=0.8 in seconds, unsure=0.02 of both,
// device, and the roles of the pictures, scene and second when the line names none. amber=2.5@0.3 is of another read,
// that many seconds later. orange=33/1203 are the numbers of an orange plate.
func (w *world) addMeasurements(l *line, s *Subject) {
	roles := "scene,second"
	if text := l.takeValue("pictures"); text != "" {
		roles = text
	}
	unsure, device := l.parseMillis("unsure", l.takeValue("unsure")), l.takeValue("device")
	p := s.Passage
	for _, x := range []struct {
		key  string
		name schemas.MeasureName
	}{{"red", schemas.RedTime}, {"amber", schemas.AmberTime}, {"orange", schemas.OrangePlate}} {
		text, later, other := strings.Cut(l.takeValue(x.key), "@")
		if text == "" {
			continue
		}
		m := schemas.Measure{Name: x.name, Uncertainty: unsure, Device: device}
		if x.name == schemas.OrangePlate {
			m.Value = l.parseOrangePlate(x.key, text)
		} else {
			m.Value = l.parseMillis(x.key, text)
		}
		if n := len(p.Measurements); n > 0 && !other {
			p.Measurements[n-1].Measures = append([]schemas.Measure{m}, p.Measurements[n-1].Measures...)
			continue
		}
		on := p.Best
		if other {
			on.CapturedAt += schemas.Micros(l.parseMillis(x.key, later)) * schemas.Millisecond
			on.Read = schemas.NewReadID(&schemas.Read{Camera: on.Camera, CapturedAt: on.CapturedAt, RawPlate: on.Plate.String()})
		}
		p.Measurements = append(p.Measurements, schemas.Measurement{On: on, Pictures: schemas.PictureSetOf(roles, strings.Count(roles, ",")+1), Measures: []schemas.Measure{m}})
		s.StatedBy = append(s.StatedBy, s.Camera)
	}
}

// parseOrangePlate reads 33/1203, X423/1428, blank for a plate without numbers, or the value of the measure.
func (l *line) parseOrangePlate(key, text string) int64 {
	hazard, un, split := strings.Cut(text, "/")
	if split {
		v, ok := schemas.OrangePlateValue(hazard, un)
		if !ok {
			l.t.Fatalf("%s=%s is not like 33/1203", key, text)
		}
		return v
	}
	if text == "blank" {
		return 0
	}
	n := &line{t: l.t, kv: map[string]string{key: text}, used: map[string]bool{}}
	return int64(n.parseNumber(key, 0))
}

// parseMillis reads seconds with at most three decimals as milliseconds.
func (l *line) parseMillis(key, text string) int64 {
	if text == "" {
		return 0
	}
	whole, part, _ := strings.Cut(text, ".")
	n := &line{t: l.t, kv: map[string]string{key: whole + (part + "000")[:3]}, used: map[string]bool{}}
	if len(part) > 3 {
		l.t.Fatalf("%s=%s is not seconds with at most three decimals", key, text)
	}
	return int64(n.parseNumber(key, 0))
}
