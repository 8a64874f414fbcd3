package reference

import (
	"errors"
	"fmt"

	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// Bounds of a road time, and of the straight distance over it. On an empty road nobody needs longer than at slowestStraight;
// a faster one than at fastestStraight is another unit.
const (
	longestRoadTime = 3600 // seconds
	slowestStraight = 10   // km/h
	fastestStraight = 400  // km/h
)

var roadTimeColumns = csvColumns{names: []string{"from_site", "to_site", "seconds", "valid_from", "valid_to"}}

// linkRoadTimes reads road_times.csv and gives the matrix to every camera that stands at one of its sites. Every camera of such
// a site must be authorised to be compared.
func linkRoadTimes(f *csvFile, r *cameraRegistry) {
	sites := map[string][]*schemas.Camera{}
	for _, c := range r.all {
		sites[c.Site] = append(sites[c.Site], c)
	}
	readSite := func(i int) []*schemas.Camera {
		name := csvValue(f, i, readIdent)
		at := sites[name]
		if name != "" && at == nil {
			f.addProblem(i, fmt.Errorf("%s is the site of no camera of %s; correct the name, or remove the line", name, fileCameras))
		}
		for _, c := range at {
			if !rules.ComparesSites(c) {
				f.addProblem(i, fmt.Errorf("camera %s of the site is not authorised to be compared with other sites; add the purpose in %s, or remove the line", c.ID, fileCameras))
				break
			}
		}
		return at
	}
	times := &schemas.RoadTimes{}
	linked := map[string]bool{}
	for f.nextRow() {
		from, to := readSite(0), readSite(1)
		x := schemas.RoadTime{Shortest: schemas.Micros(csvValue(f, 2, func(s string) (int, error) { return readInteger(s, 1, longestRoadTime) })) * schemas.Second}
		first, last := f.periodAt(3)
		x.ValidFrom = first.Start()
		if last != 0 {
			x.ValidTo = last.Start()
		}
		if f.rowIsBad() {
			continue
		}
		checkRoadTime(f, times, from[0], to[0], x)
		if !f.rowIsBad() {
			times.Add(from[0].SiteHash, to[0].SiteHash, x)
			linked[from[0].Site], linked[to[0].Site] = true, true
		}
	}
	for site := range linked {
		for _, c := range sites[site] {
			c.RoadTimes = times
		}
	}
}

// checkRoadTime refuses a time that cannot be right by the positions of the cameras, and a second one for the same days.
func checkRoadTime(f *csvFile, times *schemas.RoadTimes, from, to *schemas.Camera, x schemas.RoadTime) {
	if from.Site == to.Site {
		f.addProblem(1, errors.New("is from_site; write the other site, reads of one site are one passage"))
		return
	}
	for _, c := range [...]*schemas.Camera{from, to} {
		if c.LatE6 == 0 && c.LonE6 == 0 {
			f.addProblem(2, fmt.Errorf("cannot be checked, because camera %s has no position; write lat_e6 and lon_e6 in %s", c.ID, fileCameras))
			return
		}
	}
	straight := metresBetween(from, to)
	switch speed := straight * 3.6 / float64(x.Shortest/schemas.Second); {
	case speed < slowestStraight:
		f.addProblem(2, fmt.Errorf("would be %.1f km/h over the straight distance of %.0f m, which a driver beats on an empty road; write the shortest time, in seconds", speed, straight))
	case speed > fastestStraight:
		f.addProblem(2, fmt.Errorf("would be %.0f km/h over the straight distance of %.0f m; write the shortest time in seconds", speed, straight))
	}
	for _, other := range times.Times(from.SiteHash, to.SiteHash) {
		if periodsMeet(period{other.ValidFrom, other.ValidTo}, period{x.ValidFrom, x.ValidTo}) {
			f.addProblem(3, errors.New("overlaps the days of another line of the two sites; end the older with valid_to"))
		}
	}
}
