package peers_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// finish says what was seen, writes it down after a long run, and fails the
// benchmark for each limit that does not hold.
func (f *figures) finish(x *bench) {
	var said strings.Builder
	f.print(&said)
	fmt.Fprint(os.Stderr, said.String())
	if f.long {
		f.write(x)
	}
	c := f.main.of("cached", "monban")
	x.ReportMetric(median(c.cpu), "cpu-µs/query")
	x.ReportMetric(median(c.rate), "q/s")
	for _, l := range f.limits() {
		switch {
		case l.holds():
		case os.Getenv(recordVar) != "":
			x.Logf("only recorded: %v", l)
		default:
			x.Errorf("%v", l)
		}
	}
}

func (f *figures) print(w *strings.Builder) {
	for _, m := range mixes() {
		for _, p := range []string{"floor", "monban", "unbound", "dnsmasq"} {
			c := f.main.of(m.name, p)
			fmt.Fprintf(w, "%-8s %-8s %7.0f q/s %6.2f µs (%.2f × floor)   p50 %4.0f p99 %5.0f µs   at 5,000 q/s %5.1f µs   two cores %7.0f q/s   bad %d of %d\n", m.name, p, median(c.rate), median(c.cpu),
				ratio(c.cpu, f.main.of(m.name, "floor").cpu), median(c.p50), median(c.p99), median(c.paced), median(f.both.of(m.name, p).rate), c.bad, c.sent)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.sizes)) {
		s := f.sizes[name]
		fmt.Fprintf(w, "%-30s loaded %.1f peak %.1f after %.1f most %.1f MB, ready after %.0f ms\n", name, s.loaded, s.peak, s.after, s.most, median(s.ready))
	}
	for _, l := range f.limits() {
		fmt.Fprintln(w, l)
	}
}

// firmwareHead begins the part of docs/benchmarks.md that others write.
const firmwareHead = "\n## The firmware\n"

// write makes docs/benchmarks.md and its charts again.
func (f *figures) write(x *bench) {
	docs := filepath.Join("..", "..", "docs")
	pictures := filepath.Join(docs, "benchmarks")
	if err := os.MkdirAll(pictures, 0o755); err != nil {
		x.Fatal(err)
	}
	for name, svg := range f.charts() {
		if err := os.WriteFile(filepath.Join(pictures, name), []byte(svg), 0o644); err != nil {
			x.Fatal(err)
		}
	}
	file := filepath.Join(docs, "benchmarks.md")
	before, err := os.ReadFile(file)
	if err != nil {
		x.Fatal(err)
	}
	// What was measured of the firmware is not ours.
	_, firmware, _ := bytes.Cut(before, []byte(firmwareHead))
	if err := os.WriteFile(file, slices.Concat(f.page(), []byte(firmwareHead), firmware), 0o644); err != nil {
		x.Fatal(err)
	}
}

func (f *figures) page() []byte {
	var b bytes.Buffer
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say(`# Benchmarks

The name filter beside unbound and dnsmasq as Debian has them, and beside the floor: a Go program that reads a datagram and
writes it back. `+"`make bench-dns`"+` measures all of it again and writes this page with its charts; `+"`make bench`"+` does a short
run that writes nothing and fails if a limit does not hold.

All servers have 1,000,000 refused names, answer 0.0.0.0 for them, and ask the same small resolver outside; the filter keeps
its query log. Each has one core to itself, the questions come from the other, 100 on their way at a time over 8 ports and
8 addresses, in batches. The servers are asked in turns; figures are medians of %d rounds, ratios the medians of the ratios
of each round. At 5,000 q/s a turn is a tenth of a second, so that bursts of other work meet all servers alike; on two cores
there are three times as many rounds, each shorter. Processor time is that of the whole process. Compare ratios: figures
differ from machine to machine.

- cached: 1,000 names that every server has in memory. blocked: 100,000 names of the list. mix: 70 %% cached, 20 %% blocked,
  10 %% never asked before.
- %s
- That an answer from memory and a refusal allocate nothing, log included, is a test of its own (dnsfilter/server
  TestAllocations).
`, len(f.main.of("cached", "monban").cpu), machine())
	f.pageLimits(say)
	f.pageTables(say)
	f.pageGrowth(say)
	return b.Bytes()
}

func (f *figures) pageLimits(say func(string, ...any)) {
	say("## What must hold\n\n| what | figure | limit | holds |\n|---|---|---|---|")
	for _, l := range f.limits() {
		holds := "yes"
		if !l.holds() {
			holds = "**not yet**"
		}
		say("| %s | %s | %s %s | %s |", l.what, amount(l.saw, l.unit), l.sign(), amount(l.most, l.unit), holds)
	}
}

func (f *figures) pageTables(say func(string, ...any)) {
	say("\n## Side by side\n\n![Processor time for a question](benchmarks/processor.svg)")
	for _, m := range mixes() {
		say("\n### %s\n\n| server | processor for a question, µs | ÷ floor | answers a second | on two cores | p50 at 5,000 q/s, µs | p99, µs | processor then, µs |\n|---|---|---|---|---|---|---|---|", m.name)
		for _, p := range peers() {
			c, two := f.main.of(m.name, p), "–"
			if r := f.both.of(m.name, p).rate; len(r) > 0 {
				two = fmt.Sprintf("%.0f", median(r))
			}
			say("| %s | %.2f | %.2f | %.0f | %s | %.0f | %.0f | %.1f |", p, median(c.cpu), ratio(c.cpu, f.main.of(m.name, "floor").cpu), median(c.rate), two, median(c.p50), median(c.p99), median(c.paced))
		}
	}
	say("\n## Memory and start, a million names\n\nMB; resident.\n\n| server | after load | peak of the load | after all mixes | peak of all | start to first right refusal, ms |\n|---|---|---|---|---|---|")
	for _, name := range slices.Sorted(maps.Keys(f.sizes)) {
		s := f.sizes[name]
		after, most := "–", "–"
		if s.most > 0 {
			after, most = fmt.Sprintf("%.1f", s.after), fmt.Sprintf("%.1f", s.most)
		}
		say("| %s | %.1f | %.1f | %s | %s | %.0f |", name, s.loaded, s.peak, after, most, median(s.ready))
	}
	say("\nmonban starts from a compiled file, the others from their own configuration. The row of hosts lines is three seconds after\nthe load.")
}

func (f *figures) pageGrowth(say func(string, ...any)) {
	say("\n## Growth\n\nProcessor time for a question in µs, and in brackets ÷ floor.\n\n![By names on the list](benchmarks/names.svg)\n\n![Memory by names on the list](benchmarks/memory.svg)\n\n![By clients](benchmarks/clients.svg)")
	for _, g := range []struct {
		what string
		all  map[int]table
	}{{"names", f.growth}, {"clients", f.clients}} {
		say("\n| %s | mix | floor | monban | unbound | dnsmasq |\n|---|---|---|---|---|---|", g.what)
		for _, n := range slices.Sorted(maps.Keys(g.all)) {
			for _, m := range mixes() {
				row := fmt.Sprintf("| %s | %s |", thousands(n), m.name)
				for _, p := range peers() {
					c := g.all[n].of(m.name, p)
					row += fmt.Sprintf(" %.1f (%.2f) |", median(c.cpu), ratio(c.cpu, g.all[n].of(m.name, "floor").cpu))
				}
				say("%s", row)
			}
		}
	}
	say("\nMB resident after load:\n\n| names | monban | unbound | dnsmasq |\n|---|---|---|---|")
	for _, n := range slices.Sorted(maps.Keys(f.grown)) {
		g := f.grown[n]
		say("| %s | %.0f | %.0f | %.0f |", thousands(n), g["monban"], g["unbound"], g["dnsmasq"])
	}
}

func peers() []string { return []string{"floor", "monban", "unbound", "dnsmasq"} }

// thousands writes n in groups of three digits.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// machine says in one line what was measured, and where.
func machine() string {
	cpu := runtime.GOARCH
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				cpu = strings.TrimSpace(value)
				break
			}
		}
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return fmt.Sprintf("%s, %d processors (%s), Linux %s, %s; %s; %s.", time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), cpu,
		strings.TrimSpace(string(kernel)), runtime.Version(), firstLine("unbound", "-V"), firstLine("dnsmasq", "-v"))
}

func firstLine(program string, args ...string) string {
	out, _ := exec.Command(program, args...).Output()
	line, _, _ := strings.Cut(string(out), "\n")
	line, _, _ = strings.Cut(line, " Copyright")
	return program + ": " + strings.TrimSpace(line)
}
