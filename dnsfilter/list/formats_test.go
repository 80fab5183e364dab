package list

import (
	"fmt"
	"strings"
	"testing"

	"monban/gateway/text"
)

// every is one list in each format, with what it says of names (+ refused),
// and the lines that are bad or cannot be used.
var every = []struct {
	what       string
	format     Format // as found
	file       string
	refused    string
	open       string
	bad, other []int
}{
	{"plain names", Domains, "# names\nads.example\n*.wide.example # why\n.dotted.example\n広告.example\nForbidden\nlocalhost\ntwo words.example\nhttp://page.example/x\n0.0.0.0 host.example\nlast.example # end",
		"ads.example wide.example x.wide.example a.b.wide.example dotted.example x.dotted.example xn--4rrt1v.example host.example last.example",
		"x.ads.example forbidden localhost page.example example x.host.example", []int{6, 8}, []int{9}},

	{"AdBlock rules", AdBlock, "[Adblock Plus 2.0]\n! Title: x\n||ads.example^\n@@||good.ads.example^\n||hard.good.ads.example^$important\n|exact.example^\n||*.below.example^\n*.also.example^\n" +
		"||gone.example^\n||gone.example^$badfilter\nplain.example\n0.0.0.0 host.example\n||trailing.example^|\n@@||host.example^\n@@||must.example^$important\n||must.example^$important\n||zip^\n",
		"ads.example x.ads.example hard.good.ads.example z.hard.good.ads.example exact.example a.below.example a.b.below.example a.also.example plain.example trailing.example any.zip zip",
		"good.ads.example x.good.ads.example x.exact.example below.example also.example gone.example x.gone.example x.plain.example host.example must.example", nil, nil},

	{"AdBlock rules that need more than a name", AdBlock, "||ads.example^$client=192.168.1.2\n||b.example^$dnstype=AAAA\n/banner[0-9]+/\n||c.example\n||d.example^/path\nexample##.ad\nd.example#@#.ad\n" +
		"||e*.example^\n@@f.example^$third-party\n||192.0.2.1^\n||g.example^$important,dnsrewrite=1.2.3.4\n/h.example/$important\n-ads.\n||i.example^$denyallow=x.i.example|y.i.example\nj.example$$script\n||bad..name^\n||kept.example^\nk^\n||a.b.c.d.e.f.deep.example^\n||b.c.d.e.f.deep.example^\n" +
		"*track*.example\n||l.example^$dnsrewrite=NXDOMAIN;;\n||m.example^$dnsrewrite=NOERROR;A;0.0.0.0\n/n(?=x)\\.example/\n/unclosed[/\n/(a{100}){100}/\n/./\n||o.example^$client='My PC'|~02:00:5e:10:00:01\n||p.example^$dnstype=NONSENSE\n" +
		"|q*.example|\n/^r\\d+\\.EXAMPLE$/\n@@/^r7/\n||s*^$badfilter\n||mid*dle.example^\n||mid*dle.example^$badfilter\n||t.example^$dnstype=A,badfilter\n||t.example^$dnstype=A\n",
		"kept.example b.c.d.e.f.deep.example z.b.c.d.e.f.deep.example b.example banner7.example x.banner0 c.example x.c.example e1.example ex.e99.example h.example xhxexample.jp i.example z.i.example x.tracking.example l.example m.example quiz.example r8.example",
		"ads.example banner.example cc.example d.example fe.example.jp xe1.example g.example x.i.example a.y.i.example j.example example k o.example p.example www.quiz.example r7.example rr8.example middle.example t.example track.example.jp",
		[]int{13, 16, 25}, []int{5, 6, 7, 9, 10, 11, 15, 18, 19, 24, 26, 27, 28, 29, 33}},

	{"a zone without its name", RPZ, "$TTL 2h ; two hours\n@ IN SOA localhost. root.localhost. (\n 1 6h ; serial\n 1h 1w 2h )\n  IN NS localhost.\nads.example CNAME .\n*.ads.example 300 IN CNAME .\nNoData.example IN 60 CNAME *.\n" +
		"*.wide.example CNAME .\nfine.wide.example CNAME rpz-passthru.\n*.fine.wide.example CNAME rpz-passthru.\nbad.fine.wide.example CNAME rpz-drop.\nself.wide.example CNAME self.wide.example.\n" +
		"zero.example A 0.0.0.0\n             AAAA ::\n",
		"ads.example x.ads.example nodata.example x.wide.example a.b.wide.example bad.fine.wide.example zero.example x.self.wide.example",
		"wide.example fine.wide.example y.fine.wide.example self.wide.example x.nodata.example localhost", nil, nil},

	{"a zone with its name", RPZ, "$ORIGIN rpz.clinic.example.\n@ 300 IN SOA a. b. 1 2 3 4 5\n@ NS a.\nads.example CNAME .\nabs.example.rpz.clinic.example. CNAME .\n$ORIGIN example.rpz.clinic.example.\nsub CNAME .\n" +
		"32.1.2.0.192.rpz-ip.rpz.clinic.example. CNAME .\nns.example.rpz-nsdname.rpz.clinic.example. CNAME .\nother.example. CNAME .\nrewritten CNAME safe.example.\naddress A 192.0.2.7\ntext TXT \"a ; b (\"\ntcp CNAME rpz-tcp-only.\n*.rpz.clinic.example. CNAME .\n$INCLUDE more.zone\n$ODD\n)\n\"open\nlone\n",
		"ads.example abs.example sub.example", "sub rewritten.rpz other.example x.sub.other example rpz.clinic.example", []int{17, 18, 19, 20}, []int{8, 9, 10, 11, 12, 13, 14, 15, 16}},

	{"a dnsmasq file", DNSMasq, "# dnsmasq\naddress=/ads.example/0.0.0.0\naddress=/null.example/\naddress=/hash.example/#\nserver=/srv.example/\nlocal=/loc.example/ # why\naddress=/one.example/.two.example/::\n" +
		"server=/good.ads.example/#\naddress=/bad.good.ads.example/\naddress=/*.star.example/\naddress=/given.example/192.0.2.1\nserver=/fwd.example/192.0.2.53\nserver=192.0.2.53\nno-resolv\naddress=/#/\naddress=/*part.example/\naddress=//\nunknown line!\naddress=/b..ad/kept.example/\nlocal=//\n",
		"ads.example x.ads.example null.example hash.example srv.example a.loc.example one.example two.example x.two.example bad.good.ads.example y.bad.good.ads.example x.star.example kept.example",
		"good.ads.example x.good.ads.example star.example given.example fwd.example part.example", []int{18, 19}, []int{11, 12, 13, 14, 15, 16, 17, 20}},
}

func TestFormats(t *testing.T) {
	for _, c := range every {
		b := NewBuilder(NewKey())
		r, err := b.Add(Source{Name: "l", Text: strings.NewReader(c.file)})
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		if r.Format != c.format || fmt.Sprint(r.First) != fmt.Sprint(c.bad) || fmt.Sprint(r.FirstUnusable) != fmt.Sprint(c.other) {
			t.Errorf("%s: taken for %v, bad lines %v, unusable %v; want %v, %v, %v", c.what, r.Format, r.First, r.FirstUnusable, c.format, c.bad, c.other)
		}
		if r.Bad != len(c.bad) || r.Unusable != len(c.other) {
			t.Errorf("%s: %+v", c.what, r)
		}
		l := b.Build()
		for name := range strings.FieldsSeq(c.refused) {
			if e, ok := l.Lookup(name); !ok || e.At > 0 && name[e.At-1] != '.' || e.Line < 1 || e.Line > r.Lines {
				t.Errorf("%s: %s is not refused: %+v", c.what, name, e)
			}
		}
		for name := range strings.FieldsSeq(c.open) {
			if e, ok := l.Lookup(name); ok {
				t.Errorf("%s: %s is refused: %+v", c.what, name, e)
			}
		}
	}
}

// The format somebody asked for is the one that is used.
func TestFormatAskedFor(t *testing.T) {
	b := NewBuilder(NewKey())
	// One address record among comments: nothing tells it from a list of names.
	r, err := b.Add(Source{Name: "z", Format: RPZ, Text: strings.NewReader("; x\nads.example 0.0.0.0\nads.example CNAME .\n")})
	if err != nil || r.Format != RPZ || r.Names != 1 || r.Bad != 1 {
		t.Error(r, err)
	}
	for f := range Format(len(formats)) {
		if got, ok := ParseFormat(f.String()); !ok || got != f {
			t.Errorf("%d: %v", f, got)
		}
	}
	if _, ok := ParseFormat("toml"); ok || Format(99).String() != "?" {
		t.Error("a format nobody knows")
	}
}

// An exception is worth something on its own list only; a choice of lists
// sees the others neither refuse nor except.
func TestSeveralLists(t *testing.T) {
	l := build(t, "||ads.example^\n||both.example^\n@@||shop.example^\n", "@@||ads.example^\n0.0.0.0 www.both.example\n0.0.0.0 both.example\n0.0.0.0 shop.example\n")
	first, second := l.Choose("list1"), l.Choose("list2", "unknown")
	for _, c := range []struct {
		in         Lists
		name, want string
	}{
		{All, "ads.example", "list1"}, {first, "ads.example", "list1"}, {second, "ads.example", ""},
		{All, "both.example", "list1"}, {second, "both.example", "list2"}, {0, "both.example", ""},
		{All, "www.both.example", "list2"}, // the more specific one
		{first, "www.both.example", "list1"},
		{All, "shop.example", "list2"}, {first, "shop.example", ""},
	} {
		if e, ok := l.Find(Query{Name: c.name, In: c.in}); e.List != c.want || ok != (c.want != "") {
			t.Errorf("%s in %b: %+v", c.name, c.in, e)
		}
	}
}

func TestFaultsHaveSentences(t *testing.T) {
	for _, code := range []string{"list.empty", "list.html", "list.binary", "list.no_names", "list.too_big", "list.compiled_broken"} {
		if s := text.JA.Say(code, nil); s == code {
			t.Errorf("nothing says %s", code)
		}
	}
}
