package office

import (
	"slices"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
)

// What each answer shows. An answer without such a method is no answer of a route: the program is not built.

func platesOfRead(r *query.Read) []string { return append(slices.Clone(r.Candidates), r.Plate) }

func (a *ReadsAnswer) disclosure() access.Disclosure {
	return access.Disclosure{Rows: len(a.Reads), Plates: platesOf(a.Reads, platesOfRead), Cut: a.Next != ""}
}

func (a *LastSeenAnswer) disclosure() access.Disclosure {
	if a.Read == nil {
		return access.Disclosure{}
	}
	return access.Disclosure{Rows: 1, Plates: platesOfRead(a.Read)}
}

func (a *JourneyAnswer) disclosure() access.Disclosure {
	return access.Disclosure{Rows: len(a.Reads), Plates: platesOf(a.Reads, platesOfRead), Cut: a.Cut}
}

func (a *HitsAnswer) disclosure() access.Disclosure {
	return access.Disclosure{
		Rows: len(a.Hits), Cut: a.Next != "",
		Plates: platesOf(a.Hits, func(h *query.Hit) []string { return []string{h.Plate, h.ListedPlate} }),
	}
}

func (a *RetroAnswer) disclosure() access.Disclosure {
	return access.Disclosure{
		Rows:   len(a.Matches),
		Plates: platesOf(a.Matches, func(m *query.RetroMatch) []string { return []string{m.Plate, m.ListedPlate} }),
	}
}

func (a *OffencesAnswer) disclosure() access.Disclosure {
	return access.Disclosure{
		Rows: len(a.Offences), Cut: a.Next != "",
		Plates: platesOf(a.Offences, func(f *query.Offence) []string { return []string{f.Plate} }),
	}
}

func (a *OffenceAnswer) disclosure() access.Disclosure {
	return access.Disclosure{Rows: 1, Plates: []string{a.Offence.Plate}}
}

func (a *DecisionsAnswer) disclosure() access.Disclosure {
	return access.Disclosure{
		Rows: len(a.Decisions), Cut: a.Next != "",
		Plates: platesOf(a.Decisions, func(d *Decided) []string { return []string{d.Plate} }),
	}
}

func (a *AccessLogAnswer) disclosure() access.Disclosure {
	return access.Disclosure{
		Rows: len(a.Entries), Cut: a.Next != "",
		Plates: platesOf(a.Entries, func(e *AccessEntry) []string { return e.Plates }),
	}
}

// Rejected records have no plate that anybody could name: their texts are shown as they came.
func (a *RejectsAnswer) disclosure() access.Disclosure {
	return access.Disclosure{Rows: len(a.Rejects), Cut: a.Next != ""}
}

func (a *DashboardAnswer) disclosure() access.Disclosure {
	return access.Disclosure{Rows: len(a.Reads) + len(a.Hits)}
}

func (a *ReconcileAnswer) disclosure() access.Disclosure {
	return access.Disclosure{Rows: len(a.Partitions)}
}

func (*VerifyAnswer) disclosure() access.Disclosure { return access.Disclosure{} }

func (*ReplayAnswer) disclosure() access.Disclosure { return access.Disclosure{} }
