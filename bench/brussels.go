package bench

// municipality is a municipality (nineteen in all) in the Brussels-Capital Region, with its police zone, an
// approximate centre and its share of the region's cameras. The positions are for plausibility only and decide
// nothing.
type municipality struct {
	nis    uint32
	zone   string
	lat    int32 // micro-degrees
	lon    int32
	radius int32 // radius of the sites around the centre, in metres
	weight int   // parts; all shares sum to about 1000
}

var municipalities = [...]municipality{
	{21001, "5341", 50_833_300, 4_300_000, 2200, 95},
	{21002, "5342", 50_815_700, 4_432_700, 1500, 40},
	{21003, "5340", 50_864_500, 4_292_600, 900, 25},
	{21004, "5339", 50_855_300, 4_356_700, 2600, 210},
	{21005, "5343", 50_836_100, 4_389_400, 800, 40},
	{21006, "5344", 50_872_200, 4_402_900, 1100, 40},
	{21007, "5341", 50_813_000, 4_320_800, 1200, 45},
	{21008, "5340", 50_872_300, 4_308_600, 800, 20},
	{21009, "5339", 50_825_800, 4_371_300, 1300, 80},
	{21010, "5340", 50_878_000, 4_326_000, 1100, 35},
	{21011, "5340", 50_861_500, 4_330_300, 500, 20},
	{21012, "5340", 50_855_300, 4_320_000, 1200, 65},
	{21013, "5341", 50_826_800, 4_345_600, 700, 45},
	{21014, "5344", 50_852_200, 4_370_000, 450, 30},
	{21015, "5344", 50_867_600, 4_380_700, 1400, 85},
	{21016, "5342", 50_802_700, 4_337_200, 2000, 60},
	{21017, "5342", 50_801_000, 4_415_000, 1300, 25},
	{21018, "5343", 50_847_000, 4_427_000, 1300, 45},
	{21019, "5343", 50_835_000, 4_440_000, 1200, 35},
}

// zones lists the six police zones, lowest number first.
var zones = [...]string{"5339", "5340", "5341", "5342", "5343", "5344"}

// The region's bounding box, in micro-degrees.
const (
	latMin, latMax = 50_763_700, 50_913_600
	lonMin, lonMax = 4_243_600, 4_482_600
)

// squaredMetres returns the squared distance between two positions, in square metres. At Brussels' latitude the
// distance is wrong by a per mille.
func squaredMetres(latA, lonA, latB, lonB int32) int64 {
	dy := int64(latA-latB) * 11_132 / 100_000
	dx := int64(lonA-lonB) * 7_029 / 100_000
	return dx*dx + dy*dy
}

// integerSqrt returns the integer square root, rounded down.
func integerSqrt(n int64) int64 {
	if n < 2 {
		return n
	}
	x := n
	for y := (x + 1) / 2; y < x; y = (x + n/x) / 2 {
		x = y
	}
	return x
}
