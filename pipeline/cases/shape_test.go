package cases

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// The list in testdata has every field of a stored case with the shape that brought it. Rows of releases past lack a
// field that is not in their shape.
func TestANewFieldOfACaseHasANewShape(t *testing.T) {
	file, err := os.ReadFile("testdata/shapes.txt")
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]int{}
	fieldsOf(reflect.TypeFor[Case](), "", 1, fields)
	var got []string
	for _, path := range slices.Sorted(maps.Keys(fields)) {
		got = append(got, fmt.Sprintf("%s %d", path, fields[path]))
	}
	want := strings.Split(strings.TrimSpace(string(file)), "\n")
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("field %q is not in testdata/shapes.txt: raise Shape, tag the field `shape:\"%d\"`, and add the line", line, Shape+1)
		}
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("field %q is gone or has another shape: older rows have it", line)
		}
	}
	if newest := slices.Max(slices.Collect(maps.Values(fields))); newest != Shape {
		t.Errorf("the newest field is of shape %d, Shape is %d", newest, Shape)
	}
}

func TestAnOlderShapeLacksOnlyWhatCameLater(t *testing.T) {
	w := worldIn(t, Confirmed)
	older := ShapeOf(w.c, 1)
	if older.ChangedAt != 0 || w.c.ChangedAt == 0 {
		t.Errorf("changed at %d, in shape 1 %d", w.c.ChangedAt, older.ChangedAt)
	}
	older.ChangedAt, older.PicturesOpen = w.c.ChangedAt, w.c.PicturesOpen
	if !reflect.DeepEqual(older, w.c) || !reflect.DeepEqual(ShapeOf(w.c, Shape), w.c) {
		t.Errorf("shape 1 has\n%+v, the case is\n%+v", older, w.c)
	}
}

// fieldsOf lists the JSON paths of the fields of a type, with the shape that brought each.
func fieldsOf(t reflect.Type, path string, shape int, out map[string]int) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		fieldsOf(t.Elem(), path, shape, out)
	case reflect.Struct:
		for f := range t.Fields() {
			if !f.IsExported() {
				continue
			}
			at, name := max(shape, broughtBy(f)), path
			if !f.Anonymous {
				key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				name = strings.TrimPrefix(path+"."+key, ".")
				out[name] = at
			}
			fieldsOf(f.Type, name, at, out)
		}
	default:
	}
}
