package platform

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestAFileWithoutRightsNamesTheUserAndTheCure(t *testing.T) {
	denied := fmt.Errorf("reference data /srv/x: %w", &fs.PathError{Op: "open", Path: "/srv/x/cameras.yaml", Err: fs.ErrPermission})
	want := "reference data /srv/x: open /srv/x/cameras.yaml: permission denied for user " + UserName() + "; make it readable: chown " + UserName() + " /srv/x/cameras.yaml"
	if got := AdviseRights(denied); got.Error() != want || !errors.Is(got, fs.ErrPermission) {
		t.Errorf("got %v\nwant %s", got, want)
	}
	if other := fmt.Errorf("x: %w", fs.ErrNotExist); AdviseRights(other) != other { //nolint:errorlint // the same error
		t.Error("an error of another kind was changed")
	}
}
