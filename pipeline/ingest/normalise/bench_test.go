package normalise

import (
	"regexp"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

func BenchmarkRead(b *testing.B) {
	for _, raw := range []string{"1ABC123", "1-abc-123", "T\u00d6LBA218"} {
		b.Run(raw, func(b *testing.B) {
			r := schemas.Read{RawPlate: raw}
			b.ReportAllocs()
			for b.Loop() {
				if rej := Read(&r); rej != nil {
					b.Fatal(rej)
				}
			}
		})
	}
}

func BenchmarkSeries(b *testing.B) {
	p := schemas.MustPlate("AB123CD")
	buf := make([]Series, 0, seriesEnd)
	b.Run("compiled", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			buf = AppendSeries(buf[:0], p)
		}
	})
	var regexes [seriesEnd]*regexp.Regexp
	for s := range seriesEnd {
		regexes[s] = regexp.MustCompile(domain[s].regex)
	}
	b.Run("regexp", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			buf = buf[:0]
			for s := range seriesEnd {
				if regexes[s].MatchString(p.String()) {
					buf = append(buf, s)
				}
			}
		}
	})
}

func BenchmarkVariants(b *testing.B) {
	p := schemas.MustPlate("1BOD123")
	var buf []schemas.Plate
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendVariants(buf[:0], p, MaxVariants)
	}
}
