package ask

import (
	"context"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/gvc-brussels/anpr/cmd/flags"
)

// asProgram is the environment variable that turns the test's binary into the tested command.
const asProgram = "ANPR_TEST_ASKS"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) == "" {
		os.Exit(m.Run())
	}
	var c Cmd
	k := kong.Must(&c, kong.TypeMapper(reflect.TypeFor[time.Time](), kong.MapperFunc(flags.DecodeTime)))
	args, err := k.Parse(os.Args[1:])
	k.FatalIfErrorf(err)
	args.BindTo(context.Background(), (*context.Context)(nil))
	k.FatalIfErrorf(args.Run(&c))
	os.Exit(0)
}

func TestAnEmptyStandardInputIsNamed(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "--url=http://127.0.0.1:1", "--token=t", "plate", "-", "--purpose=judicial", "--reason=a reason of ten letters")
	cmd.Env = append(os.Environ(), asProgram+"=1")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), `plate is "-"`) {
		t.Errorf("got %v: %s", err, out)
	}
}
