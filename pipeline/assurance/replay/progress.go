package replay

import (
	"fmt"
	"io"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// Bar shows the progress of a replay: a bar on a terminal, else a line per tenth.
type Bar struct {
	mu   sync.Mutex // guards the fields below
	w    io.Writer
	tty  bool
	bars *mpb.Progress
	bar  *mpb.Bar
	said uint64
}

// NewBar writes to w, which may be a terminal.
func NewBar(w io.Writer, tty bool) *Bar { return &Bar{w: w, tty: tty} }

// Set shows that done of all passages are decided.
func (b *Bar) Set(done, of uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.tty {
		if tenth := done * 10 / max(of, 1); tenth > b.said {
			b.said = tenth
			_, _ = fmt.Fprintf(b.w, "  %d of %d passages\n", done, of)
		}
		return
	}
	if b.bar == nil {
		b.bars = mpb.New(mpb.WithOutput(b.w), mpb.WithWidth(60))
		b.bar = b.bars.AddBar(int64(of), mpb.PrependDecorators(decor.CountersNoUnit("%d / %d passages")),
			mpb.AppendDecorators(decor.Percentage(), decor.AverageETA(decor.ET_STYLE_GO, decor.WC{W: 6})))
	}
	b.bar.SetCurrent(int64(done))
}

// End ends the bar's line.
func (b *Bar) End() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bar != nil {
		b.bar.Abort(false)
		b.bars.Wait()
	}
}
