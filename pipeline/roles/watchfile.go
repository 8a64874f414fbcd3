package roles

import (
	"context"
	"errors"
	"os"
	"time"
)

// watchFile looks at a file every so often until ctx ends, and hands it to take when its time of change is another than
// seen, and than at the look before. take gets nil, once, when a file that was there is gone. A file that cannot be
// opened is tried again at each look; refused hears of it once a change.
func watchFile(ctx context.Context, path string, every time.Duration, seen time.Time, take func(*os.File), refused func(error)) {
	var told time.Time
	repeatEvery(ctx, every, func(context.Context) bool {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, os.ErrNotExist) && !seen.IsZero():
			seen = time.Time{}
			take(nil)
			return false
		case err != nil || info.ModTime().Equal(seen):
			return false
		}
		f, err := os.Open(path)
		if err != nil {
			if !info.ModTime().Equal(told) {
				told = info.ModTime()
				refused(err)
			}
			return false
		}
		seen = info.ModTime()
		take(f)
		_ = f.Close()
		return false
	})
}
