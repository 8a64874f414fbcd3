package office

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

// startReading asks for a picture and reads the headers alone.
func (d *caseDesk) startReading(name, purpose, url string) (body io.ReadCloser, done func()) {
	d.t.Helper()
	conn, err := net.Dial("tcp", d.server.Listener.Addr().String())
	if err != nil {
		d.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n%s: %s\r\n\r\n", url, d.server.Listener.Addr(), name, purposeHeader, purpose); err != nil {
		d.t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil) //nolint:bodyclose // done closes it
	if err != nil || answer.StatusCode != http.StatusOK {
		d.t.Fatalf("%+v, %v", answer, err)
	}
	return answer.Body, func() { _ = errors.Join(conn.Close(), answer.Body.Close()) }
}

// The room of a picture is held until the client has it: clients that do not read cannot fill the memory, each may hold
// back so much, and nobody else waits for them.
func TestTheRoomOfAPictureIsHeldUntilItIsRead(t *testing.T) {
	store := &album{kept: map[schemas.Sum][]byte{}}
	d := newCaseDesk(t, func(c *Config) { c.Pictures = store })
	large := append([]byte{0xff, 0xd8, 0xff}, make([]byte, maxPicture-(1<<16))...) // no buffer of a connection takes that much
	big, small := store.put(large), store.put(drawn(t, 30, 20, false))
	d.takeIn("1ABC123", "5339", withPictures(big, small))
	item := d.take("an", "decide")
	purpose, err := d.clerk("an").purposeOf(t.Context(), shift())
	if err != nil {
		t.Fatal(err)
	}
	var bodies []io.Reader
	for n := range maxPicturesUser / maxPicture {
		body, done := d.startReading("an", purpose, pictureURL(item.CaseID, big))
		t.Cleanup(done)
		bodies = append(bodies, body)
		held := int64(n+1) * int64(len(large))
		if d.office.pictureRoom.TryAcquire(maxPicturesNow - held + 1) {
			t.Fatalf("with %d pictures that nobody reads, less than %d bytes are held", n+1, held)
		}
		if !d.office.pictureRoom.TryAcquire(maxPicturesNow - held) {
			t.Fatalf("with %d pictures that nobody reads, more than %d bytes are held", n+1, held)
		}
		d.office.pictureRoom.Release(maxPicturesNow - held)
	}
	if d.office.shares.of("an").TryAcquire(maxPicture) {
		t.Error("one user holds more than the share of a user")
	}
	if purpose, err = d.clerk("bo").purposeOf(t.Context(), shift()); err != nil {
		t.Fatal(err)
	}
	if got := d.fetch("bo", purpose, pictureURL(item.CaseID, small)); got.status != http.StatusOK {
		t.Errorf("a colleague meanwhile: %d %s", got.status, got.code)
	}
	for _, body := range bodies {
		if n, err := io.Copy(io.Discard, body); err != nil || n != int64(len(large)) {
			t.Fatalf("%d bytes, %v", n, err)
		}
	}
	if err := d.office.pictureRoom.Acquire(t.Context(), maxPicturesNow); err != nil { // waits until all is given back
		t.Fatal(err)
	}
	d.office.pictureRoom.Release(maxPicturesNow)
	if n := d.logged("operation = 'case-picture' AND kind = 'disclosed'"); n != 1+len(bodies) {
		t.Errorf("%d views are in the log, want %d", n, 1+len(bodies))
	}
}
