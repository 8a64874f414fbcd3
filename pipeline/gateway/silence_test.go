package gateway

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mutation changes a field in a document, in all list elements alike.
type mutation struct {
	what string
	make func() *node
}

// mutations removes, renames and adds each field of a document once.
func mutations(root *node) (out []mutation) {
	var paths [][]string
	seen := map[string]bool{}
	var walk func(n *node, path []string)
	walk = func(n *node, path []string) {
		for _, k := range n.kids {
			p := append(slices.Clone(path), k.name)
			if key := strings.Join(p, "/"); !seen[key] {
				seen[key] = true
				paths = append(paths, p)
			}
			walk(k, p)
		}
	}
	walk(root, nil)
	for _, p := range paths {
		at := strings.Join(p, "/")
		out = append(out,
			mutation{"without " + at, func() *node { return changed(root, p, func(*node) *node { return nil }) }},
			mutation{"with another name for " + at, func() *node {
				return changed(root, p, func(n *node) *node { n.name = "x" + n.name + "Renamed"; return n })
			}},
			mutation{"with a field more in " + at, func() *node {
				return changed(root, p, func(n *node) *node {
					if len(n.kids) > 0 {
						n.kids = append(n.kids, &node{name: "fieldOfNextYear", text: "7"})
					}
					return n
				})
			}})
	}
	return out
}

// changed copies a document with every element at a path changed, or left out when change gives nil.
func changed(n *node, path []string, change func(*node) *node) *node {
	out := &node{name: n.name, text: n.text, nulls: n.nulls}
	for _, k := range n.kids {
		if len(path) == 0 || k.name != path[0] {
			out.kids = append(out.kids, changed(k, nil, change))
			continue
		}
		c := changed(k, path[1:], change)
		if len(path) == 1 {
			c = change(c)
		}
		if c != nil {
			out.kids = append(out.kids, c)
		}
	}
	return out
}

// storedOf returns an event's stored content; told is the further information for its sender.
func storedOf(ev *CameraEvent) string {
	r := ev.Read
	pictures := ""
	for _, img := range ev.Images {
		pictures += fmt.Sprintf(" %x", sha(string(img.Data)))
	}
	said, _, _ := strings.Cut(row(r), " late=") // of the delivery, not of the vehicle
	return fmt.Sprint(said, r.CountryConfidencePm, r.CameraEventId, ev.stated.instant(), pictures)
}

func toldOf(ev *CameraEvent) string {
	r := ev.Read
	empty := emptyFields(r)
	return fmt.Sprint(ev.Notices, ev.Unknown, empty, ev.stated.instant(), r.CameraEventId, len(ev.Images))
}

// TestNothingThatChangesWhatIsStoredIsSilent removes, renames and adds one field in every payload of every format.
// When another read would be stored, the sender is told by a note, by the list of empty fields, or by a refusal. A
// read never turns into an ignored event.
func TestNothingThatChangesWhatIsStoredIsSilent(t *testing.T) {
	for _, file := range samples(t) {
		f := findFormat(formatOf(file))
		body, tried := load(t, file), 0
		parts, rej := splitUpload(parseMedia(typeOf(file)), body)
		if rej != nil || typeOf(file) == "application/x-protobuf" {
			continue
		}
		for _, pt := range parts {
			for _, root := range documentsOf(t, pt) {
				before := attachImages(f.read(root), uploadPart{})
				for _, m := range mutations(root) {
					tried++
					compareTold(t, filepath.Base(file)+" "+m.what, before, attachImages(f.read(m.make()), uploadPart{}))
				}
			}
		}
		if tried == 0 {
			t.Errorf("%s: nothing was tried", file)
		}
	}
}

// documentsOf parses the XML element, or each JSON value, of a part.
func documentsOf(t *testing.T, pt uploadPart) (roots []*node) {
	t.Helper()
	if pt.text[0] == '<' {
		roots, err := parseXML(pt.text, &effort{})
		if err != nil {
			t.Fatal(err)
		}
		return roots
	}
	docs, err := splitJSON(pt.text)
	if err != nil {
		t.Fatal(err)
	}
	for _, doc := range docs {
		root, err := parseJSON(doc, &effort{})
		if err != nil {
			t.Fatal(err)
		}
		roots = append(roots, root)
	}
	return roots
}

// compareTold compares a changed document's events with the events before the change.
func compareTold(t *testing.T, what string, before, after []*CameraEvent) {
	t.Helper()
	reads := func(events []*CameraEvent) (out []*CameraEvent, refused, ignored int) {
		for _, ev := range events {
			switch {
			case ev.Err != nil, ev.Read != nil && strings.ContainsRune(ev.Read.RawPlate, '\uFFFD'): // which the gateway refuses
				refused++
			case ev.Ignored != "":
				ignored++
			default:
				out = append(out, ev)
			}
		}
		return out, refused, ignored
	}
	was, wasRefused, wasIgnored := reads(before)
	is, isRefused, isIgnored := reads(after)
	if isRefused > wasRefused || len(is) < len(was) && isRefused > 0 && isIgnored <= wasIgnored {
		return
	}
	if strings.HasPrefix(what, "survision-") && strings.HasSuffix(what, " without anpr/decision") {
		return // the rest is a message of its own: the speed or the end of a track
	}
	if len(is) < len(was) {
		t.Errorf("%s: %d reads became %d, %d refused, %d ignored (before %d)", what, len(was), len(is), isRefused, isIgnored, wasIgnored)
		return
	}
	for i := range was {
		if storedOf(was[i]) != storedOf(is[i]) && toldOf(was[i]) == toldOf(is[i]) {
			t.Errorf("%s: silence\n  was %s\n  is  %s\n  told %s", what, storedOf(was[i]), storedOf(is[i]), toldOf(is[i]))
		}
	}
}
