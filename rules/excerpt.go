package rules

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/gvc-brussels/anpr/schemas"
)

// Excerpt returns what a catalogue says of a family on a day: the entries in force in the general files, in the family's own
// (NAME.yaml, NAME_*.yaml) and in those of the families that it shares values with, as YAML with their legal basis, dates and source. The same catalogue gives the same bytes.
func Excerpt(fsys fs.FS, family schemas.Family, day schemas.Day) ([]byte, error) {
	names, err := fs.Glob(fsys, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("excerpt of the catalogue: %w", err)
	}
	slices.Sort(names)
	var out yaml.MapSlice
	for _, name := range names {
		if !isPartOf(strings.TrimSuffix(path.Base(name), ".yaml"), family) {
			continue
		}
		raw, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("excerpt of the catalogue: %w", err)
		}
		var sections yaml.MapSlice
		if err := yaml.UnmarshalWithOptions(raw, &sections, yaml.UseOrderedMap()); err != nil {
			return nil, fmt.Errorf("excerpt of the catalogue: %s: %w", name, err)
		}
		if kept := sectionsOn(sections, day.String()); len(kept) > 0 {
			out = append(out, yaml.MapItem{Key: name, Value: kept})
		}
	}
	text, err := yaml.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("excerpt of the catalogue: %w", err)
	}
	return text, nil
}

// isPartOf reports whether a family decides by the file with the name.
func isPartOf(base string, family schemas.Family) bool {
	of := []schemas.Family{family}
	if info := InfoOf(family); info != nil {
		of = append(of, info.Shares...)
	}
	return base == "general" || slices.ContainsFunc(of, func(f schemas.Family) bool {
		return base == string(f) || strings.HasPrefix(base, string(f)+"_")
	})
}

// sectionsOn keeps of each section the entries in force on a day, written as 2026-11-29.
func sectionsOn(sections yaml.MapSlice, day string) (out yaml.MapSlice) {
	for _, section := range sections {
		entries, ok := section.Value.([]any)
		if !ok {
			continue
		}
		var kept []any
		for _, e := range entries {
			if entry, ok := e.(yaml.MapSlice); ok && isInForce(entry, day) {
				kept = append(kept, entry)
			}
		}
		if len(kept) > 0 {
			out = append(out, yaml.MapItem{Key: section.Key, Value: kept})
		}
	}
	return out
}

// isInForce reports whether an entry of the catalogue holds on a day. An announced one has no first day and never does.
func isInForce(entry yaml.MapSlice, day string) bool {
	from, to := "unknown", "open"
	for _, field := range entry {
		switch field.Key {
		case "valid_from":
			from = fmt.Sprint(field.Value)
		case "valid_to":
			to = fmt.Sprint(field.Value)
		}
	}
	return from != "unknown" && from <= day && (to == "open" || day < to)
}
