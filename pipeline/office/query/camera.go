package query

import (
	"context"
	"slices"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// CameraReads selects the reads of cameras in the permit's window, newest first. A row stored twice appears twice.
//
// The table is sorted by plate, so the rows of a camera lie scattered. The projection by_camera lists a camera's rows
// by time. The statement therefore first finds the capture time of the last row on the page, in the projection alone,
// and reads no older row.
func CameraReads(p access.Permit, cameras []string, page Page) (Statement, error) {
	return cameraReads(p, cameras, page, page.rowLimit()+1)
}

func cameraReads(p access.Permit, cameras []string, page Page, rows int) (Statement, error) {
	b := newBuilder(p, &readsTable)
	if len(cameras) == 0 {
		b.noteFault("camera", "must be given")
	}
	b.whereCameras(cameras)
	b.projected = true
	bound := *b
	bound.where = slices.Clip(b.where)
	if page.After.key != "" {
		bound.addCondition("captured_at < fromUnixTimestamp64Micro({after_at:Int64}, 'UTC')", "", nil)
	}
	b.whereAfter(page.After, afterRead)
	b.where = append(b.where, fragment("captured_at >= (SELECT min(captured_at) FROM ("+bound.writeSelect("captured_at")+
		" ORDER BY captured_at DESC LIMIT {limit:UInt32}))"))
	return b.finishNewest(rows)
}

// CameraReads returns the newest reads for the page, without repeats. One more read shows that there is a next page.
func (d *DB) CameraReads(ctx context.Context, p access.Permit, cameras []string, page Page) ([]Read, error) {
	return d.distinctReads(ctx, page.rowLimit()+1, func(rows int) (Statement, error) { return cameraReads(p, cameras, page, rows) })
}
