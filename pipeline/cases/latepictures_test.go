package cases

import (
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

// A case whose read was not stored asks for its pictures while a person will look at them, and gets each once.
func TestLatePicturesReachAnUndecidedCaseOnce(t *testing.T) {
	in := newIntake()
	in.PicturesOpen = true
	w := newWorld(t, in)
	if w.c.PicturesAt() == 0 {
		t.Fatal("nobody asks for the pictures")
	}
	late := Picture{Sum: schemas.Digest("fedcba9876543210fedcba9876543210"), Kind: PicturePlate}
	w.must(agentNamed("first"), confirmation())
	if w.c.PicturesAt() != 0 {
		t.Error("pictures are asked for while a verdict settles")
	}
	wantCode(t, w.do(SystemActor(), AddPictures{Pictures: []Picture{late}}), CodeDecided)
	id, _ := ParseID(w.c.Decisive)
	w.must(agentNamed("first"), Undo{Event: id})
	w.must(SystemActor(), AddPictures{Pictures: []Picture{{Sum: picture, Kind: PictureOther}, late, late}})
	if len(w.c.Pictures) != 2 || w.c.Pictures[0].Kind != PictureScene || w.c.Pictures[1] != late || w.c.PicturesAt() != 0 {
		t.Errorf("the case has %+v", w.c.Pictures)
	}
	before := w.c.Version
	w.must(SystemActor(), AddPictures{Pictures: []Picture{late}})
	if w.c.Version != before {
		t.Error("pictures were added twice")
	}
	wantCode(t, w.do(agentNamed("first"), confirmation()), CodePictures) // the new one was not loaded
	w.wantFolded()
}
