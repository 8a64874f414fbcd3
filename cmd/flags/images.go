package flags

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/images"
)

// ImageFlags name the image store, the same for gateways and offices.
type ImageFlags struct {
	Images           string `help:"Image store, the same for gateways and offices: a directory, or s3://HOST[:PORT]/BUCKET[/PREFIX], with ?region=NAME and ?tls=off as options." env:"ANPR_IMAGES"`
	ImagesKey        string `help:"Key of the account of an S3 image store." env:"ANPR_IMAGES_KEY"`
	ImagesSecret     string `hidden:"" help:"Its secret: in the environment or a file, never on the command line." env:"ANPR_IMAGES_SECRET"`
	ImagesSecretFile string `help:"File with its secret." type:"path" env:"ANPR_IMAGES_SECRET_FILE"`
}

// ImageStore returns the configuration of the image store; without an address the configuration is zero.
func (f *ImageFlags) ImageStore() (images.Config, error) {
	c := images.Config{Address: f.Images, KeyID: f.ImagesKey, SecretKey: f.ImagesSecret}
	if f.Images == "" {
		return images.Config{}, nil
	}
	if !images.IsRemote(f.Images) {
		dir, err := filepath.Abs(f.Images)
		if err != nil {
			return c, fmt.Errorf("--images: %w", err)
		}
		return images.Config{Address: dir}, nil
	}
	if f.ImagesSecretFile != "" {
		text, err := os.ReadFile(f.ImagesSecretFile)
		if err != nil {
			return c, platform.AdviseRights(fmt.Errorf("--images-secret-file: %w", err))
		}
		c.SecretKey = strings.TrimRight(string(text), "\r\n")
	}
	return c, nil
}

// FillImages fills in the image store of the running machine when none is given.
func (l *Local) FillImages(f *ImageFlags) {
	if l != nil && f.Images == "" {
		f.Images = l.RunFile.Images
	}
}
