package rules

import (
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// hashOfSite names a site in scenarios.
func hashOfSite(site string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(site)) // never fails
	return h.Sum64()
}

// addRoadTime reads the shortest time on the road from one site to another: roadtime start=SITE end=SITE seconds from to.
func (w *world) addRoadTime(l *line) {
	start, end := l.takeValue("start"), l.takeValue("end")
	t := schemas.RoadTime{Shortest: schemas.Micros(l.parseNumber("seconds", 0)) * schemas.Second, ValidFrom: l.parseTime("from"), ValidTo: l.parseTime("to")}
	if start == "" || end == "" || start == end || t.Shortest <= 0 {
		l.t.Fatalf("a road time needs two sites and a time: roadtime start=A end=B seconds=300")
	}
	w.roads.Add(hashOfSite(start), hashOfSite(end), t)
}

// addPast tells the subject the passages that closed, where passages are compared.
func (w *world) addPast(s *Subject) {
	if ComparesSites(s.Camera) {
		s.Camera.RoadTimes = &w.roads
	}
	if !s.Straggler && w.remembers(s.Camera) {
		s.History = w.past
	}
}

// remembers reports whether passages of the camera are compared with others.
func (w *world) remembers(cam *schemas.Camera) bool {
	return len(cam.Sections) > 0 || ComparesSites(cam)
}

// printTold prints what is told of a closed passage, and keeps the passage.
func (r *runner) printTold(l *line) string {
	s := r.world.makeSubject(l)
	l.checkAllUsed()
	var out []string
	for _, h := range r.engine.HitsOfPassage(nil, s, r.world) {
		out = append(out, fmt.Sprintf("%s %s/%s priority=%d%s", h.Match, h.Entry.List, h.Entry.ID, h.Entry.Priority, h.Entry.Reason[strings.LastIndex(h.Entry.Reason, " ("):]))
	}
	r.world.closePassage(s)
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, "; ")
}
