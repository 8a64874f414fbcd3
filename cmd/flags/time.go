package flags

import (
	"reflect"
	"time"

	"github.com/alecthomas/kong"

	"github.com/gvc-brussels/anpr/schemas"
)

// Times reads every time of a command line with [DecodeTime].
func Times() kong.Option {
	return kong.TypeMapper(reflect.TypeFor[time.Time](), kong.MapperFunc(DecodeTime))
}

// DecodeTime reads a time on the command line: a Brussels day or an instant. A day given as --to belongs to the time
// range.
func DecodeTime(ctx *kong.DecodeContext, target reflect.Value) error {
	var text string
	if err := ctx.Scan.PopValueInto("time", &text); err != nil {
		return err
	}
	parse := schemas.ParseFrom
	if ctx.Value != nil && ctx.Value.Name == "to" {
		parse = schemas.ParseTo
	}
	t, err := parse(text)
	if err != nil {
		return err
	}
	target.Set(reflect.ValueOf(t))
	return nil
}
