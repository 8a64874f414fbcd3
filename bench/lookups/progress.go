package lookups

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/sys/unix"
)

// loadProgress tells how far a load is: a bar on a terminal, else a line per twentieth.
type loadProgress struct {
	out         io.Writer
	began       time.Time
	first, last uint64 // rows there at the beginning, rows in all
	said        uint64

	bars *mpb.Progress
	bar  *mpb.Bar
}

func newProgress(w io.Writer, first, last uint64) (loadProgress, error) {
	if first > last {
		return loadProgress{}, errors.New("BUG: more rows loaded than there are")
	}
	p := loadProgress{out: w, began: time.Now(), first: first, last: last, said: first * 20 / max(last, 1)}
	f, ok := w.(*os.File)
	if !ok {
		return p, nil
	}
	if _, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); err != nil {
		return p, nil //nolint:nilerr // no terminal
	}
	p.bars = mpb.New(mpb.WithOutput(f), mpb.WithWidth(60))
	p.bar = p.bars.AddBar(int64(last), mpb.PrependDecorators(decor.CountersNoUnit("%d / %d reads")),
		mpb.AppendDecorators(decor.Percentage(), decor.OnComplete(decor.AverageETA(decor.ET_STYLE_GO), "merged")))
	p.bar.SetCurrent(int64(min(first, last-1)))
	return p, nil
}

func (p *loadProgress) setRows(rows uint64) {
	if p.bar != nil {
		p.bar.SetCurrent(int64(min(rows, p.last-1))) // whole only after the merge
		return
	}
	if part := rows * 20 / p.last; part > p.said {
		p.said = part
		fmt.Fprintf(p.out, "  %d of %d reads (%d %%), %.0f a second\n", rows, p.last, part*5,
			float64(rows-p.first)/time.Since(p.began).Seconds())
	}
}

func (p *loadProgress) endBar(whole bool) {
	if p.bar == nil {
		return
	}
	if whole {
		p.bar.SetCurrent(int64(p.last))
	} else {
		p.bar.Abort(false)
	}
	p.bars.Wait()
}
