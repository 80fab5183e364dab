package peers_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// A line is one server in a chart.
type line struct {
	name string
	at   map[int]float64
}

// A panel is one drawing of a chart, with its own scale.
type panel struct {
	title string
	lines []line
}

const (
	panelWide, panelHigh         = 300, 240
	leftEdge, rightEdge, topEdge = 52, 78, 34
	bottomEdge                   = 40
)

// look is how a server is drawn: told apart without colours, too.
func look(name string) (colour, dash, mark string) {
	switch name {
	case "monban":
		return "#0b5cad", "", "circle"
	case "unbound":
		return "#b3400f", "6 3", "square"
	case "dnsmasq":
		return "#5b7a12", "2 3", "diamond"
	}
	return "#666666", "1 0", "none"
}

func (f *figures) charts() map[string]string {
	by := func(all map[int]table) (ps []panel) {
		for _, m := range mixes() {
			p := panel{title: m.name + ", µs"}
			for _, who := range peers() {
				l := line{name: who, at: map[int]float64{}}
				for n, t := range all {
					l.at[n] = median(t.of(m.name, who).cpu)
				}
				p.lines = append(p.lines, l)
			}
			ps = append(ps, p)
		}
		return ps
	}
	memory := panel{title: "resident after load, MB"}
	for _, who := range peers()[1:] {
		l := line{name: who, at: map[int]float64{}}
		for n, g := range f.grown {
			l.at[n] = g[who]
		}
		memory.lines = append(memory.lines, l)
	}
	return map[string]string{
		"processor.svg": f.bars(),
		"names.svg":     drawing("Processor time for a question by names on the list", "names", by(f.growth)),
		"memory.svg":    drawing("Memory by names on the list", "names", []panel{memory}),
		"clients.svg":   drawing("Processor time for a question by clients", "clients", by(f.clients)),
	}
}

func svg(b *strings.Builder, title string, wide, high int) {
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="%s" font-family="sans-serif" font-size="11">`+"\n<title>%s</title>\n"+`<rect width="100%%" height="100%%" fill="#fff"/>`+"\n", wide, high, wide, high, title, title)
}

// drawing puts panels beside each other, both scales logarithmic: what grows
// as fast as the list is a straight line upwards, what does not grow is level.
func drawing(title, unit string, ps []panel) string {
	var b strings.Builder
	svg(&b, title, panelWide*len(ps), panelHigh)
	for i, p := range ps {
		fmt.Fprintf(&b, `<g transform="translate(%d 0)">`+"\n", i*panelWide)
		p.draw(&b, unit)
		b.WriteString("</g>\n")
	}
	return b.String() + "</svg>\n"
}

func (p *panel) draw(b *strings.Builder, unit string) {
	var xs []int
	low, high := math.Inf(1), 0.0
	for _, l := range p.lines {
		for x, y := range l.at {
			if y > 0 {
				xs, low, high = append(xs, x), min(low, y), max(high, y)
			}
		}
	}
	if len(xs) == 0 {
		return
	}
	slices.Sort(xs)
	xs = slices.Compact(xs)
	low, high = low/1.2, high*1.2
	scale := func(v, from, to float64) float64 {
		if to <= from {
			return 0.5
		}
		return math.Log(v/from) / math.Log(to/from)
	}
	px := func(x int) float64 {
		return leftEdge + scale(float64(x), float64(xs[0]), float64(xs[len(xs)-1]))*(panelWide-leftEdge-rightEdge)
	}
	py := func(y float64) float64 {
		return panelHigh - bottomEdge - scale(y, low, high)*(panelHigh-topEdge-bottomEdge)
	}
	fmt.Fprintf(b, `<text x="%d" y="18" font-size="13" font-weight="bold">%s</text>`+"\n", leftEdge, p.title)
	for _, y := range ticks(low, high) {
		fmt.Fprintf(b, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%g</text>`+"\n", leftEdge, py(y), panelWide-rightEdge, leftEdge-6, py(y)+4, y)
	}
	for _, x := range xs {
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", px(x), panelHigh-bottomEdge+16, short(x))
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", (leftEdge+panelWide-rightEdge)/2, panelHigh-8, unit)
	labels := p.labels(xs[len(xs)-1], py)
	for _, l := range p.lines {
		colour, dash, mark := look(l.name)
		path := ""
		for _, x := range slices.Sorted(maps.Keys(l.at)) {
			if y := l.at[x]; y > 0 {
				step := "L"
				if path == "" {
					step = "M"
				}
				path += fmt.Sprintf("%s%.1f %.1f", step, px(x), py(y))
				b.WriteString(dot(mark, colour, px(x), py(y)))
			}
		}
		fmt.Fprintf(b, `<path d="%s" fill="none" stroke="%s" stroke-width="2" stroke-dasharray="%s"/>`+"\n", path, colour, dash)
		fmt.Fprintf(b, `<text x="%d" y="%.1f" fill="%s">%s</text>`+"\n", panelWide-rightEdge+8, labels[l.name]+4, colour, l.name)
	}
}

// labels are the heights of the names beside the lines' ends, each clear of
// the others.
func (p *panel) labels(last int, py func(float64) float64) map[string]float64 {
	at := map[string]float64{}
	names := []string{}
	for _, l := range p.lines {
		if y := l.at[last]; y > 0 {
			at[l.name] = py(y)
			names = append(names, l.name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return int(1000 * (at[a] - at[b])) })
	for i := 1; i < len(names); i++ {
		at[names[i]] = max(at[names[i]], at[names[i-1]]+13)
	}
	return at
}

// ticks are round values between low and high: 1, 2, 5, 10 and so on.
func ticks(low, high float64) (all []float64) {
	for v := math.Pow(10, math.Floor(math.Log10(low))); v <= high; v *= 10 {
		for _, k := range []float64{1, 2, 5} {
			if k*v >= low && k*v <= high {
				all = append(all, k*v)
			}
		}
	}
	return all
}

func short(n int) string {
	switch {
	case n >= 1_000_000:
		return fmt.Sprintf("%d M", n/1_000_000)
	case n >= 1000:
		return fmt.Sprintf("%d k", n/1000)
	}
	return fmt.Sprint(n)
}

func dot(mark, colour string, x, y float64) string {
	switch mark {
	case "circle":
		return fmt.Sprintf(`<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>`+"\n", x, y, colour)
	case "square":
		return fmt.Sprintf(`<rect x="%.1f" y="%.1f" width="6" height="6" fill="%s"/>`+"\n", x-3, y-3, colour)
	case "diamond":
		return fmt.Sprintf(`<path d="M%.1f %.1fl4 4l-4 4l-4 -4z" fill="%s"/>`+"\n", x, y-4, colour)
	}
	return ""
}

// bars shows what a question costs with each mix and server. A bar too long
// for the drawing is cut and marked.
func (f *figures) bars() string {
	const wide, row, most = 640, 20, 26.0
	var b strings.Builder
	svg(&b, "Processor time for a question", wide, 30+3*(5*row+14))
	fmt.Fprintf(&b, `<text x="8" y="18" font-size="13" font-weight="bold">Processor time for a question, µs</text>`+"\n")
	y := 34
	for _, m := range mixes() {
		fmt.Fprintf(&b, `<text x="8" y="%d" font-weight="bold">%s</text>`+"\n", y+10, m.name)
		y += row - 2
		for _, who := range peers() {
			colour, _, _ := look(who)
			v := median(f.main.of(m.name, who).cpu)
			long := min(v, most) / most * (wide - 200)
			fmt.Fprintf(&b, `<text x="76" y="%d" text-anchor="end">%s</text><rect x="84" y="%d" width="%.1f" height="%d" fill="%s"/>`, y+11, who, y, long, row-6, colour)
			cut := ""
			if v > most {
				cut = "→ "
			}
			fmt.Fprintf(&b, `<text x="%.1f" y="%d">%s%.2f</text>`+"\n", 90+long, y+11, cut, v)
			y += row
		}
		y += 16
	}
	return b.String() + "</svg>\n"
}
