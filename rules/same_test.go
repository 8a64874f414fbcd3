package rules

import (
	"maps"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

func TestTheCatalogueSaysWhenTwoOffencesAreOne(t *testing.T) {
	got := mustLoad(t, Brussels()).SameOffences(schemas.DayOf(2026, 11, 29).Start())
	if want := map[schemas.Family]SameOffence{familyLEZ: {Day: true}, familySpeed: {Span: schemas.Minute}, familyRedLight: {Span: schemas.Minute}, familyAccess: {Day: true}, familyReservedLane: {Span: 10 * schemas.Minute}, familyGoods: {Day: true}, familyADR: {Day: true}}; !maps.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := mustLoad(t, Brussels()).SameOffences(schemas.DayOf(2017, 1, 1).Start())[familySpeed]; got.Span != 0 {
		t.Errorf("before the span was in force: %+v", got)
	}
}
