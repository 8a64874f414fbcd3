package office

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/sync/semaphore"
)

// Bounds of pictures on their way to clients.
const (
	maxPicturesUser = 64 << 20    // bytes in memory at once, of the requests of one user
	pictureWrite    = time.Minute // a client that reads more slowly loses the picture
)

// pictureShares bounds the bytes of pictures that each user has in memory, so that one who does not read keeps nobody
// else waiting. Safe for concurrent use.
type pictureShares struct {
	mu    sync.Mutex
	users map[string]*semaphore.Weighted
}

func (s *pictureShares) of(user string) *semaphore.Weighted {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users == nil {
		s.users = map[string]*semaphore.Weighted{}
	}
	share := s.users[user]
	if share == nil {
		share = semaphore.NewWeighted(maxPicturesUser)
		s.users[user] = share
	}
	return share
}

// pictureHold is the room of one picture, from before it is read until its last byte is written. Not safe for concurrent
// use. The zero value holds none.
type pictureHold struct {
	room, share *semaphore.Weighted
	bytes       int64
}

// holdRoom waits for room for a picture of any size.
func (o *Office) holdRoom(ctx context.Context, user string) (*pictureHold, error) {
	h := &pictureHold{room: o.pictureRoom, share: o.shares.of(user)}
	if err := h.share.Acquire(ctx, maxPicture); err != nil {
		return &pictureHold{}, fmt.Errorf("wait for room for a picture: %w", err)
	}
	if err := h.room.Acquire(ctx, maxPicture); err != nil {
		h.share.Release(maxPicture)
		return &pictureHold{}, fmt.Errorf("wait for room for a picture: %w", err)
	}
	h.bytes = maxPicture
	return h, nil
}

// shrink gives back what the picture does not need.
func (h *pictureHold) shrink(bytes int) {
	if left := h.bytes - int64(bytes); left > 0 {
		h.room.Release(left)
		h.share.Release(left)
		h.bytes -= left
	}
}

// release gives the room back. A second call does nothing.
func (h *pictureHold) release() { h.shrink(0) }

// pictureSent is a picture as it goes out.
type pictureSent struct {
	Type        string `header:"Content-Type"`
	Length      string `header:"Content-Length"`
	Disposition string `header:"Content-Disposition"`
	Policy      string `header:"Content-Security-Policy"`
	Resource    string `header:"Cross-Origin-Resource-Policy"`
	Evidence    string `header:"Anpr-Evidence" doc:"no = made by the office for a list, and no evidence"`
	Body        func(huma.Context)
}

// sendPicture writes a picture while its room is held.
func sendPicture(a *pictureAnswer, h *pictureHold) *pictureSent {
	return &pictureSent{
		Type: a.Type, Length: strconv.Itoa(len(a.Body)), Disposition: a.Disposition, Policy: a.Policy, Resource: a.Resource, Evidence: a.Evidence,
		Body: func(hctx huma.Context) {
			defer h.release()
			hctx.SetStatus(http.StatusOK)
			w := hctx.BodyWriter()
			rw, ok := w.(http.ResponseWriter)
			if !ok {
				_, _ = w.Write(a.Body) // ignored: the client went away
				return
			}
			c := http.NewResponseController(rw)
			_ = c.SetWriteDeadline(time.Now().Add(pictureWrite)) // a connection without deadlines has no slow network
			if _, err := w.Write(a.Body); err == nil && c.Flush() == nil {
				_ = c.SetWriteDeadline(time.Time{}) // of this answer: the server sets that of the next
			}
		},
	}
}
