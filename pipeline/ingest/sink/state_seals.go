package sink

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/schemas"
)

// lastSeals asks for each camera's last seal below an offset. The inner query is offences' projection last_seals, a
// row for each camera and month of capture. For a month with offences on both sides of the offset the projection knows
// only the very last seal. Such a month leaves the camera open from the later of two offsets: the month's first
// offence, and the last seal known from other months.
const lastSeals = `SELECT camera, countIf(below) > 0, argMaxIf(seal, last, below), maxIf(last, below).1, maxIf(last, below).2,
		countIf(split) > 0, greatest(minIf(first, split), maxIf(last, below).1), minIf(month, split), maxIf(month, split)
	FROM (SELECT toString(camera_id) AS camera, toYYYYMM(captured_at) AS month, argMax(seal_sha256, (kafka_offset, seq)) AS seal,
			max((kafka_offset, seq)) AS last, min(kafka_offset) AS first, last.1 < ? AS below, first < ? AND NOT below AS split
		FROM offences WHERE kafka_partition = ? GROUP BY camera_id, toYYYYMM(captured_at))
	GROUP BY camera`

// sealsBetween asks for each camera's last seal among the decisions by records [from, to) in a month range. It reads a
// range in the projection by_offset; the months exclude all other months' parts.
const sealsBetween = `SELECT toString(camera_id), argMax(seal_sha256, (kafka_offset, seq)), max((kafka_offset, seq)).1, max((kafka_offset, seq)).2 FROM offences
	WHERE kafka_partition = ? AND kafka_offset >= ? AND kafka_offset < ? AND toYYYYMM(captured_at) >= ? AND toYYYYMM(captured_at) <= ? GROUP BY camera_id`

// The first look back for a seal goes firstReach offsets far. Each further look goes reachGrowth times as far as the
// look before.
const (
	firstReach  = 1 << 16
	reachGrowth = 8
)

// storedSeal is a seal and its decision's position on the log.
type storedSeal struct {
	sum    schemas.Sum
	offset int64
	seq    uint32
}

func (a storedSeal) isAfter(b storedSeal) bool {
	return cmp.Or(cmp.Compare(a.offset, b.offset), cmp.Compare(a.seq, b.seq)) > 0
}

// openCameras are the cameras whose last seal is not yet known, with the lowest offset at which it may lie.
type openCameras struct {
	from        map[string]int64
	first, last uint32 // months, as toYYYYMM
}

// Seals returns each camera's last seal among the partition's decisions by records below the offset. The rows read
// grow with the number of cameras and months, not of offences.
func (s *StoredState) Seals(ctx context.Context, partition int32, below int64) (map[string]schemas.Sum, error) {
	seals, open, err := s.lastSeals(ctx, partition, below)
	if err != nil {
		return nil, fmt.Errorf("read back seals of partition %d: %w", partition, err)
	}
	// Offences at or beyond the offset may be stored in part, so the previous seal of the first of them proves nothing.
	for to, reach := below, int64(firstReach); len(open.from) > 0; reach = min(reach, math.MaxInt64/reachGrowth) * reachGrowth {
		from := max(to-reach, slices.Min(slices.Collect(maps.Values(open.from))))
		found, err := s.sealsBetween(ctx, partition, from, to, open)
		if err != nil {
			return nil, fmt.Errorf("read back seals of partition %d: %w", partition, err)
		}
		for camera, first := range open.from {
			seal, ok := found[camera]
			if old, told := seals[camera]; ok && (!told || seal.isAfter(old)) {
				seals[camera] = seal
			}
			if ok || first >= from {
				delete(open.from, camera)
			}
		}
		to = from
	}
	out := make(map[string]schemas.Sum, len(seals))
	for camera, seal := range seals {
		out[camera] = seal.sum
	}
	return out, nil
}

// lastSeals returns the seals known from the projection last_seals, and the cameras it leaves open.
func (s *StoredState) lastSeals(ctx context.Context, partition int32, below int64) (map[string]storedSeal, openCameras, error) {
	seals, open := map[string]storedSeal{}, openCameras{from: map[string]int64{}, first: math.MaxUint32}
	rows, err := s.conn.Query(ctx, lastSeals, below, below, partition)
	if err != nil {
		return nil, open, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var camera, seal string
		var told, split bool
		var from int64
		var first, last uint32
		var x storedSeal
		if err := rows.Scan(&camera, &told, &seal, &x.offset, &x.seq, &split, &from, &first, &last); err != nil {
			return nil, open, err
		}
		if x.sum, err = sumOf(seal); err != nil {
			return nil, open, err
		}
		if told {
			seals[camera] = x
		}
		if split {
			open.from[camera], open.first, open.last = from, min(open.first, first), max(open.last, last)
		}
	}
	return seals, open, rows.Err()
}

func (s *StoredState) sealsBetween(ctx context.Context, partition int32, from, to int64, open openCameras) (map[string]storedSeal, error) {
	rows, err := s.conn.Query(ctx, sealsBetween, partition, from, to, open.first, open.last)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	seals := map[string]storedSeal{}
	for rows.Next() {
		var camera, seal string
		var x storedSeal
		if err := rows.Scan(&camera, &seal, &x.offset, &x.seq); err != nil {
			return nil, err
		}
		if x.sum, err = sumOf(seal); err != nil {
			return nil, err
		}
		seals[camera] = x
	}
	return seals, rows.Err()
}

// sumOf converts a stored seal.
func sumOf(seal string) (sum schemas.Sum, err error) {
	if len(seal) != len(sum) {
		return sum, fmt.Errorf("seal of a camera has %d bytes, want %d: %w", len(seal), len(sum), ingest.ErrStop)
	}
	return schemas.Sum([]byte(seal)), nil
}
