package reference

import (
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/gvc-brussels/anpr/schemas"
)

// putPlate enters a vehicle under its plate.
func (t *vehicleTable) putPlate(p schemas.Plate, v *schemas.Vehicle) putResult {
	return t.addVehicle(keyOf(p), v)
}

// indexFilesUsed returns how many tables were taken from index files instead of parsed, since the start.
func (s *Store) indexFilesUsed() float64 {
	return testutil.ToFloat64(s.opt.Metrics.index.WithLabelValues(indexVehicles, indexUsed)) +
		testutil.ToFloat64(s.opt.Metrics.index.WithLabelValues(indexLists, indexUsed))
}
