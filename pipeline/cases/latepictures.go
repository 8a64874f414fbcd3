package cases

import (
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
)

// AddPictures gives an undecided case the pictures of its read, which was not stored when the case was taken in. Pictures
// that the case has stay as they are.
type AddPictures struct {
	Pictures []Picture `json:"pictures"`
}

func (x AddPictures) act(a *attempt) (*Event, error) {
	e, err := a.begin(PicturesFound)
	if err != nil {
		return nil, err
	}
	if !a.c.PicturesOpen {
		return nil, nil
	}
	for _, p := range x.Pictures {
		isThere := func(q Picture) bool { return q.Sum == p.Sum }
		if !slices.ContainsFunc(a.c.Pictures, isThere) && !slices.ContainsFunc(e.Found, isThere) {
			e.Found = append(e.Found, p)
		}
	}
	return e, nil
}

// awaitingPictures are the states in which a person will still look at the pictures. What was decided, was decided on the
// pictures that the person saw.
var awaitingPictures = []State{Held, Keying, Open, Second, Arbitration}

// PicturesAt returns when the tables are asked for the pictures of the case's read; 0 = never.
func (c *Case) PicturesAt() schemas.Micros {
	if !c.PicturesOpen || !slices.Contains(awaitingPictures, c.State) {
		return 0
	}
	return c.TakenInAt
}
