package roles

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gvc-brussels/anpr/pipeline/reference/approval"
	"github.com/gvc-brussels/anpr/rules"
)

// archiveExt ends the name of an archive of a catalogue.
const archiveExt = ".zip"

// maxCatalogue bounds an archive and what it unpacks to: the built-in catalogue has 150 kB.
const maxCatalogue = 16 << 20

// readArchive returns the files of an archive, which stays in memory.
func readArchive(path string) (fs.FS, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("catalogue: %w; correct the path", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	b, err := io.ReadAll(io.LimitReader(f, maxCatalogue+1))
	if err != nil {
		return nil, fmt.Errorf("catalogue %s: %w", path, err)
	}
	return openArchive(path, b)
}

// openArchive returns the files of a packed catalogue, called name in errors. An archive that unpacks to more than a catalogue
// can have, or has a file twice, is none.
func openArchive(name string, b []byte) (fs.FS, error) {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, fmt.Errorf("catalogue %s: %w; make the archive with anpr rules export", name, err)
	}
	size, seen := uint64(len(b)), map[string]bool{}
	for _, one := range z.File {
		if size += one.UncompressedSize64; size > 2*maxCatalogue || one.UncompressedSize64 > maxCatalogue {
			return nil, fmt.Errorf("catalogue %s: more than %d MiB: that is no catalogue", name, maxCatalogue>>20)
		}
		if seen[one.Name] {
			return nil, fmt.Errorf("catalogue %s: %q is in it twice; make the archive with anpr rules export", name, one.Name)
		}
		seen[one.Name] = true
	}
	if names, err := fs.Glob(z, "*.yaml"); err != nil || len(names) == 0 {
		return nil, fmt.Errorf("catalogue %s: the archive holds no *.yaml at its root; make it with anpr rules export", name)
	}
	return z, nil
}

// ExportCatalogue writes the catalogue, with its signatures, of a directory, or the built-in one when from is empty, to an empty or new directory, or to
// a new archive. It returns the version, which that of the copy equals: the copy is loaded again.
func ExportCatalogue(from, to string) (version string, err error) {
	cat, err := LoadCatalogue(from)
	if err != nil {
		return "", err
	}
	files, err := CatalogueFiles(from)
	if err != nil {
		return "", err
	}
	names, err := catalogueNames(files)
	if err != nil {
		return "", err
	}
	if filepath.Ext(to) == archiveExt {
		err = exportArchive(files, names, to)
	} else {
		err = exportDir(files, names, to)
	}
	if err != nil {
		return "", fmt.Errorf("export the catalogue: %w", err)
	}
	copied, err := LoadCatalogue(to)
	if err == nil && copied.Version() != cat.Version() {
		err = fmt.Errorf("export the catalogue: %s holds version %s, not %s; the source changed meanwhile: export again", to, copied.Version(), cat.Version())
	}
	return cat.Version(), err
}

// catalogueNames returns the names of a catalogue's files and of its signatures.
func catalogueNames(files fs.FS) ([]string, error) {
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, err
	}
	signatures, err := fs.Glob(files, approval.Folder+"/*.json")
	return append(names, signatures...), err
}

func exportDir(files fs.FS, names []string, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	there, err := os.ReadDir(to)
	if err != nil {
		return err
	}
	if len(there) > 0 {
		return fmt.Errorf("%s is not empty: another file would become part of the catalogue; name an empty directory", to)
	}
	for _, name := range names {
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, name), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// holdCatalogue returns the files of a loaded catalogue in memory: what changes on the disk later is not what decided. It is an
// error when they are no longer those that were loaded.
func holdCatalogue(files fs.FS, loaded *rules.Catalogue) (fs.FS, error) {
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, err
	}
	packed, err := packFiles(files, names)
	if err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	held, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	again, err := rules.Load(held)
	if err != nil {
		return nil, err
	}
	if again.Hash() != loaded.Hash() {
		return nil, fmt.Errorf("catalogue: its files changed while they were read: they are version %s, not %s; start again", again.Version(), loaded.Version())
	}
	return held, nil
}

// packFiles returns an archive whose bytes follow from the files alone.
func packFiles(files fs.FS, names []string) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(text); err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return b.Bytes(), err
}

func exportArchive(files fs.FS, names []string, to string) (err error) {
	packed, err := packFiles(files, names)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists: name a new archive", to)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(packed)
	return errors.Join(err, f.Close())
}
