package rules

import (
	"strings"
	"testing"
)

// Typing errors that leave a catalogue well formed are still found, with file and line.
func TestPlausibleSlipsAreCaught(t *testing.T) {
	for _, edit := range []string{
		"lez.yaml: s|cents: 35000|cents: 350|1", "lez.yaml: s|cents: 35000|cents: 3500|1", "lez.yaml: s|cents: 35000|cents: 350000|1",
		"lez.yaml: s|cents: 15000|cents: 150|1", "lez.yaml: s|cents: 15000|cents: 1500|1", "lez.yaml: s|cents: 15000|cents: 150000|1",
		"lez.yaml: s|until_hour: 6|until_hour: 60|1", "lez.yaml: s|until_hour: 6|until_hour: 18|1",
		"lez.yaml: s|buy_days_after: 1|buy_days_after: 11|1", "lez.yaml: s|max_per_year: 24|max_per_year: 240|1", "lez.yaml: s|max_per_year: 24|max_per_year: 2|1",
		"lez.yaml: s|grace_days: 5|grace_days: 50|1", "lez.yaml: s|grace_days: 5|grace_days: 5.5|1",
		"lez.yaml: s|min_age_years: 30|min_age_years: 3|1", "lez.yaml: s|min_age_years: 30|min_age_years: 300|1",
		"lez.yaml: s|n1_class_1_kg: 1305|n1_class_1_kg: 13050|1", "lez.yaml: s|n1_class_1_kg: 1305|n1_class_1_kg: 130|1",
		"lez.yaml: s|n1_class_2_kg: 1760|n1_class_2_kg: 1160|1", "lez.yaml: s|n2_light_kg: 2610|n2_light_kg: 261|1",
		"lez.yaml: s|window_months: 3|window_months: 30|1", "lez.yaml: s|max_per_year: 4|max_per_year: 40|1",
		"lez.yaml: s|valid_from: 2018-01-01|valid_from: 2081-01-01|1", "lez.yaml: s|valid_from: 2018-01-01|valid_from: 0218-01-01|1",
		"general.yaml: s|per_mille: 800|per_mille: 80|1", "general.yaml: s|hours: 48|hours: 4|1", "general.yaml: s|hours: 48|hours: 48000|1",
		"general.yaml: s|validity_months: 36|validity_months: 3|1", "general.yaml: s|validity_months: 36|validity_months: 360|1",
		"general.yaml: s|body: SA|body: AS|1",
		"speed.yaml: s|boundary_kmh: 100|boundary_kmh: 10|1", "speed.yaml: s|below_kmh: 6|below_kmh: 60|1", "speed.yaml: s|above_percent: 6|above_percent: 60|1",
		"speed.yaml: s|base_cents: 5300|base_cents: 53|1", "speed.yaml: s|base_cents: 5300|base_cents: 530|1", "speed.yaml: s|base_cents: 5300|base_cents: 53000|1",
		"speed.yaml: s|base_kmh: 10|base_kmh: 100|1", "speed.yaml: s|base_kmh: 10|base_kmh: 1|1",
		"speed.yaml: s|per_kmh_cents: 1100|per_kmh_cents: 110|1", "speed.yaml: s|per_kmh_cents: 1100|per_kmh_cents: 11000|1", "speed.yaml: s|per_kmh_cents: 600|per_kmh_cents: 6|1",
		"speed.yaml: s|max_total_cents: 34700|max_total_cents: 347|1", "speed.yaml: s|max_total_cents: 34700|max_total_cents: 3470|1", "speed.yaml: s|max_total_cents: 86600|max_total_cents: 866000|1",
		"speed.yaml: s|max_excess_kmh: 30|max_excess_kmh: 3|1", "speed.yaml: s|max_excess_kmh: 30|max_excess_kmh: 300|1",
		"speed.yaml: s|within_seconds: 60|within_seconds: 6|1", "speed.yaml: s|within_seconds: 60|within_seconds: 600|1",
		"lez_norms.yaml: s|valid_from: 2026-07-01|valid_from: 2206-07-01|1",
	} {
		file, _, _ := strings.Cut(edit, ":")
		_, err := Load(patched(t, []string{edit}))
		if err == nil || !strings.Contains(err.Error(), file+":") || !strings.Contains(err.Error(), "; ") {
			t.Errorf("%s: got %v", edit, err)
		}
	}
}

// A norm below the previous norm may mean two swapped rows. Check reports the norm, and Load accepts the catalogue.
func TestNormThatAsksLessIsToldOfOnce(t *testing.T) {
	n := 0
	for _, f := range Check(patched(t, []string{`lez_norms.yaml: s|lowest_euro: "6"|lowest_euro: "4"|1`})) {
		if strings.Contains(f.Text, "asks less than") {
			n++
			if !f.Warning || f.Line == 0 {
				t.Errorf("got %+v", f)
			}
		}
	}
	if n != 1 {
		t.Errorf("told %d times, want once", n)
	}
}

func TestMissingFileOfTheCatalogueIsNamed(t *testing.T) {
	for _, name := range []string{"general.yaml", "lez.yaml", "lez_norms.yaml", "speed.yaml", "hotlist.yaml"} {
		_, err := Load(patched(t, []string{name + ": remove"}))
		if err == nil || strings.Count(err.Error(), "file missing") != 1 || !strings.Contains(err.Error(), name+": file missing, with the sections ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
