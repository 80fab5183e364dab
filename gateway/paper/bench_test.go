package paper

import (
	"io"
	"testing"
)

func BenchmarkSheet(b *testing.B) {
	d := sample(200)
	b.ReportAllocs()
	for b.Loop() {
		if err := SheetPDF(io.Discard, d); err != nil {
			b.Fatal(err)
		}
	}
}
