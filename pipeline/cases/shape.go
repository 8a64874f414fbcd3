package cases

import (
	"reflect"
	"strconv"
)

// Shape is the version of the form of a [Case]. A release that adds a field to Case, or to a type inside it, raises Shape
// and tags the field `shape:"N"`: a row that an older release wrote lacks the field, and is no damaged row.
const Shape = 3

// ShapeOf returns the case as a release of the shape knew it: without the fields that came later.
func ShapeOf(c Case, shape int) Case {
	if shape >= Shape {
		return c
	}
	v := reflect.New(reflect.TypeFor[Case]()).Elem()
	v.Set(copyShape(reflect.ValueOf(c), shape))
	return v.Interface().(Case)
}

// copyShape returns a copy of the value without the fields that came after the shape.
func copyShape(v reflect.Value, shape int) reflect.Value {
	switch v.Kind() {
	case reflect.Struct:
		out := reflect.New(v.Type()).Elem()
		out.Set(v)
		for i := range v.NumField() {
			switch f := v.Type().Field(i); {
			case broughtBy(f) > shape:
				out.Field(i).SetZero()
			case f.IsExported():
				out.Field(i).Set(copyShape(v.Field(i), shape))
			}
		}
		return out
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		out := reflect.New(v.Type().Elem())
		out.Elem().Set(copyShape(v.Elem(), shape))
		return out
	case reflect.Slice:
		if v.IsNil() || v.Type().Elem().Kind() != reflect.Struct {
			return v
		}
		out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			out.Index(i).Set(copyShape(v.Index(i), shape))
		}
		return out
	default:
		return v
	}
}

// broughtBy returns the shape that brought a field.
func broughtBy(f reflect.StructField) int {
	n, err := strconv.Atoi(f.Tag.Get("shape"))
	if err != nil {
		return 1
	}
	return n
}
