package bench

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// GatewayTarget posts each read to the gateway as its camera would: canonical Protobuf, the camera's bearer token,
// connections kept open. A camera always uses the same lane, so its reads keep their order.
type GatewayTarget struct {
	base   string
	lanes  int
	tokens map[string]string
	client *http.Client
}

var _ Target = (*GatewayTarget)(nil)

// GatewayTargetConfig names the gateway. Zero fields mean the defaults.
type GatewayTargetConfig struct {
	URL    string            // http://host:port
	Tokens map[string]string // bearer token by camera id
	Lanes  int               // connections; default 64
}

// NewGatewayTarget checks the address without connecting.
func NewGatewayTarget(cfg GatewayTargetConfig) (*GatewayTarget, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("gateway address %q: want http://host:port", cfg.URL)
	}
	if cfg.Lanes == 0 {
		cfg.Lanes = 64
	}
	return &GatewayTarget{
		base: strings.TrimRight(u.String(), "/") + "/v1/cameras/", lanes: cfg.Lanes, tokens: cfg.Tokens,
		client: &http.Client{
			Timeout: 30 * time.Second,
			Transport: &http.Transport{
				DialContext:  (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
				MaxIdleConns: 0, MaxIdleConnsPerHost: cfg.Lanes, IdleConnTimeout: time.Minute, DisableCompression: true,
			},
		},
	}, nil
}

// CameraTokens returns the tokens for all cameras in the city.
func (c *City) CameraTokens() map[string]string {
	out := make(map[string]string, len(c.cameras))
	for i := range c.cameras {
		out[c.cameras[i].ID] = c.CameraToken(c.cameras[i].ID)
	}
	return out
}

// ReadCameraTokens reads secrets/camera-tokens.csv of a reference directory.
func ReadCameraTokens(dir string) (map[string]string, error) {
	name := filepath.Join(dir, "secrets", "camera-tokens.csv")
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read the camera tokens: %w", err)
	}
	defer func() { _ = f.Close() }()
	r := csv.NewReader(f)
	r.FieldsPerRecord, r.Comment = 2, '#'
	rows, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read the camera tokens of %s: %w", name, err)
	}
	if len(rows) == 0 || rows[0][0] != "camera" || rows[0][1] != "token" {
		return nil, fmt.Errorf("%s: the first line is not camera,token", name)
	}
	out := make(map[string]string, len(rows))
	for _, row := range rows[1:] {
		out[row[0]] = row[1]
	}
	return out, nil
}

// Lanes is the connection count.
func (t *GatewayTarget) Lanes() int { return t.lanes }

// Lane keeps a camera on the same connection.
func (t *GatewayTarget) Lane(r *LoadRecord) int { return int(hashOf(r.Camera) % uint64(t.lanes)) }

// MaxBatch is 1: a camera posts each read at once.
func (t *GatewayTarget) MaxBatch() int { return 1 }

// Uploads is true.
func (t *GatewayTarget) Uploads() bool { return true }

// Deliver posts the read. 2xx means sent. 429, 5xx and a lost connection are tried again, not before the time that the
// answer names. Every other answer is a refusal with the reason that the gateway gives.
func (t *GatewayTarget) Deliver(ctx context.Context, _ int, batch []*LoadRecord) error {
	r := batch[0]
	var p pauses
	for {
		again, least, err := t.postRead(ctx, r)
		if !again {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("post to the gateway: given up after %d tries: %w", r.Retries+1, err)
		}
		r.Retries++
		if p.sleepNext(ctx, least) != nil {
			return fmt.Errorf("post to the gateway: given up after %d tries: %w", r.Retries, err)
		}
	}
}

func (t *GatewayTarget) postRead(ctx context.Context, r *LoadRecord) (again bool, least time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.base+url.PathEscape(r.Camera)+"/reads", bytes.NewReader(r.Value))
	if err != nil {
		return false, 0, fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("Authorization", "Bearer "+t.tokens[r.Camera])
	res, err := t.client.Do(req)
	if err != nil {
		return true, 0, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10)) // read to the end, so the connection is kept
	switch {
	case err != nil:
		return true, 0, fmt.Errorf("read the answer: %w", err)
	case res.StatusCode/100 == 2:
		return false, 0, nil
	case res.StatusCode == http.StatusTooManyRequests || res.StatusCode/100 == 5:
		seconds, _ := strconv.Atoi(res.Header.Get("Retry-After"))
		return true, min(time.Duration(seconds)*time.Second, 10*time.Second), fmt.Errorf("the gateway answered %s", res.Status)
	}
	var problem struct {
		Reason string `json:"reason"`
	}
	if err := json.Unmarshal(body, &problem); err == nil {
		if reason, ok := schemas.ParseReason(problem.Reason); ok {
			r.Refused = reason
			return false, 0, nil
		}
	}
	return false, 0, errors.New("the gateway answered " + res.Status + " without a reason of the closed set")
}

// Close closes the connections.
func (t *GatewayTarget) Close() error {
	t.client.CloseIdleConnections()
	return nil
}
