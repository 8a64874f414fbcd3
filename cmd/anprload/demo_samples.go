package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/gateway"
	"github.com/gvc-brussels/anpr/schemas"
)

// postSamples posts each published payload twice: unchanged, and with the time set to now. The first shows the
// answer of the clock check to old pictures, the second that the format is understood.
func postSamples(ctx context.Context, camera, token, base string) (string, []schemas.ReadID, error) {
	var reads []schemas.ReadID
	var out strings.Builder
	for _, s := range gateway.Samples() {
		for _, body := range [][]byte{s.Body, restampTimes(s.Body, time.Now())} {
			status, answer, err := postPayload(ctx, base+"/v1/cameras/"+camera+"/"+s.Format, s.ContentType, token, body)
			if err != nil {
				return "", nil, fmt.Errorf("post %s: %w", s.Name, err)
			}
			for _, m := range readIDs.FindAllStringSubmatch(answer, -1) {
				if id, err := schemas.ParseID(m[1]); err == nil {
					reads = append(reads, schemas.ReadID{ID: id})
				}
			}
			_, _ = fmt.Fprintf(&out, "  %-30s %d %s\n", s.Name, status, shortenText(answer))
		}
	}
	return out.String(), reads, nil
}

func postPayload(ctx context.Context, url, contentType, token string, body []byte) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	return resp.StatusCode, strings.Join(strings.Fields(string(answer)), " "), err
}

func shortenText(text string) string {
	if len(text) > 105 {
		return text[:105] + " ..."
	}
	return text
}

var readIDs = regexp.MustCompile(`"read_id":"([0-9a-f-]{36})"`)

// The times in the published payloads, by their form.
var (
	isoTime   = regexp.MustCompile(`20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d|Z)`)
	epochMS   = regexp.MustCompile(`\b1[3-9]\d{11}\b`)
	absDigits = regexp.MustCompile(`\b20\d{15}\b`)
)

// restampTimes replaces every time of the payload by now, in the same form.
func restampTimes(body []byte, now time.Time) []byte {
	body = isoTime.ReplaceAllFunc(body, func(old []byte) []byte {
		if bytes.ContainsRune(old, 'T') {
			return []byte(now.UTC().Format("2006-01-02T15:04:05.000000Z07:00"))
		}
		return []byte(now.UTC().Format("2006-01-02 15:04:05.000000-07:00"))
	})
	body = absDigits.ReplaceAll(body, []byte(now.UTC().Format("20060102150405")+"000"))
	return epochMS.ReplaceAll(body, []byte(strconv.FormatInt(now.UnixMilli(), 10)))
}
