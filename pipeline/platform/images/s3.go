package images

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/gvc-brussels/anpr/schemas"
)

// defaultRegion is what servers other than the inventor's take.
const defaultRegion = "us-east-1"

// answerWithin bounds the wait for the first byte of an answer; the client repeats what may be repeated.
const answerWithin = 20 * time.Second

// bucket is a store in a bucket of an S3-compatible server. The bucket must exist.
type bucket struct {
	client *minio.Client
	name   string
	prefix string // with a slash at its end, or empty
}

var _ Store = (*bucket)(nil)

// openS3 opens s3://HOST[:PORT]/BUCKET[/PREFIX]?region=R&tls=off, without asking the server anything.
func openS3(c Config) (*bucket, error) {
	u, err := url.Parse(c.Address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return nil, errors.New("the image store's address is not s3://HOST[:PORT]/BUCKET[/PREFIX]; keys do not stand in it")
	}
	name, prefix, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if name == "" {
		return nil, errors.New("the image store's address names no bucket; write s3://HOST/BUCKET")
	}
	if prefix != "" {
		prefix += "/"
	}
	region, secure := defaultRegion, true
	for key, values := range u.Query() {
		switch value := values[0]; {
		case key == "region" && value != "":
			region = value
		case key == "tls" && (value == "on" || value == "off"):
			secure = value == "on"
		default:
			return nil, fmt.Errorf("the image store's address has %.20q; the options are region=NAME and tls=off", key)
		}
	}
	if c.KeyID == "" || c.SecretKey == "" {
		return nil, errors.New("the image store needs a key and its secret; give them in the environment or in a file")
	}
	transport, err := minio.DefaultTransport(secure)
	if err != nil {
		return nil, fmt.Errorf("image store: %w", err)
	}
	transport.ResponseHeaderTimeout = answerWithin
	client, err := minio.New(u.Host, &minio.Options{
		Creds: credentials.NewStaticV4(c.KeyID, c.SecretKey, ""), Secure: secure, Region: region, Transport: transport, BucketLookup: minio.BucketLookupPath, MaxRetries: 3,
	})
	if err != nil {
		return nil, fmt.Errorf("image store: %w", err)
	}
	return &bucket{client, name, prefix}, nil
}

func (b *bucket) keyOf(sum schemas.Sum) string { return b.prefix + nameOf(sum) }

// Put implements Store. The server checks the bytes against their sum before it answers.
func (b *bucket) Put(ctx context.Context, data []byte) (schemas.Sum, error) {
	sum := schemas.Sum(sha256.Sum256(data))
	key := b.keyOf(sum)
	if _, err := b.Get(ctx, sum); err == nil { // there and not damaged
		return sum, nil
	}
	_, err := b.client.PutObject(ctx, b.name, key, bytes.NewReader(data), int64(len(data)), minio.PutObjectOptions{
		ContentType: http.DetectContentType(data), SendContentMd5: true, DisableMultipart: true,
	})
	if err != nil {
		return sum, fmt.Errorf("store image: %w", err)
	}
	return sum, nil
}

// Get implements Store.
func (b *bucket) Get(ctx context.Context, sum schemas.Sum) ([]byte, error) {
	object, err := b.client.GetObject(ctx, b.name, b.keyOf(sum), minio.GetObjectOptions{})
	if err != nil {
		return nil, fmt.Errorf("read image: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(object, MaxPicture+1))
	if err = errors.Join(err, object.Close()); err != nil {
		return nil, readError(err)
	}
	if len(data) > MaxPicture {
		return nil, tooLarge(int64(len(data)))
	}
	if sha256.Sum256(data) != sum {
		return nil, fmt.Errorf("image %x: %w", sum[:8], ErrDamaged)
	}
	return data, nil
}

// readError names a missing picture as the directory does. A missing bucket is no missing picture.
func readError(err error) error {
	var answer minio.ErrorResponse
	if errors.As(err, &answer) && answer.Code == minio.NoSuchKey {
		return fmt.Errorf("read image: %w", fs.ErrNotExist)
	}
	return fmt.Errorf("read image: %w", err)
}

// Delete implements Store.
func (b *bucket) Delete(ctx context.Context, sum schemas.Sum) error {
	err := b.client.RemoveObject(ctx, b.name, b.keyOf(sum), minio.RemoveObjectOptions{})
	if err != nil && !errors.Is(readError(err), fs.ErrNotExist) {
		return fmt.Errorf("delete image: %w", err)
	}
	return nil
}

// List implements Store.
func (b *bucket) List(ctx context.Context, first byte, f func(Stored) error) error {
	ctx, end := context.WithCancel(ctx)
	defer end() // ends the client's goroutine
	opts := minio.ListObjectsOptions{Prefix: b.prefix + fmt.Sprintf("%02x/", first), Recursive: true}
	for object := range b.client.ListObjects(ctx, b.name, opts) {
		if object.Err != nil {
			return fmt.Errorf("list images: %w", object.Err)
		}
		sum, ok := parseName(path.Base(object.Key))
		if !ok || b.keyOf(sum) != object.Key {
			continue // not a picture of ours
		}
		if err := f(Stored{sum, object.Size, object.LastModified}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// checkKey is the object with which Check tries to write.
const checkKey = ".check"

// Check implements Store: it writes, for rights and room, one small object.
func (b *bucket) Check(ctx context.Context) error {
	_, err := b.client.PutObject(ctx, b.name, b.prefix+checkKey, strings.NewReader("anpr"), 4, minio.PutObjectOptions{SendContentMd5: true})
	if err != nil {
		return fmt.Errorf("image store cannot be written; see its address, keys, rights and room: %w", err)
	}
	return nil
}
