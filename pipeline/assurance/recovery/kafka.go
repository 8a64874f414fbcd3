package recovery

import (
	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/platform"
)

// commitsOf turns plans into commits for a group. The group's worker goes on from these commits.
func commitsOf(plans map[int32]ingest.Plan) (out []platform.GroupCommit) {
	for p, plan := range plans {
		out = append(out, platform.GroupCommit{Partition: p, Offset: plan.Start, Metadata: plan.String()})
	}
	return out
}
