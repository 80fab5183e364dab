package tools

import (
	"slices"
	"strings"
	"testing"

	"monban/dnsfilter/list"
)

// sourceTools is how many tools the source has.
const sourceTools = 216

// What people need is never refused, whichever tool uses it as well.
func TestNeverBlocked(t *testing.T) {
	s := load(t)
	for name := range strings.FieldsSeq(`
		www.google.com google.com mail.google.com meet.google.com accounts.google.com clients2.google.com talkgadget.google.com
		drive.google.com dl.google.com googleapis.com www.googleapis.com fonts.googleapis.com update.googleapis.com gstatic.com
		mtalk.google.com instantmessaging-pa.googleapis.com youtube.com
		github.com www.github.com api.github.com raw.githubusercontent.com objects.githubusercontent.com ghcr.io gitlab.com
		login.microsoftonline.com microsoft.com www.microsoft.com support.microsoft.com update.microsoft.com
		download.windowsupdate.com fe2.update.microsoft.com ctldl.windowsupdate.com login.live.com outlook.office365.com
		teams.microsoft.com teams.live.com world.tr.teams.microsoft.com support.services.microsoft.com
		services.microsoft.com windows.net blob.core.windows.net servicebus.windows.net azurewebsites.net visualstudio.com
		marketplace.visualstudio.com trouter.skype.com turn.azure.com wdcp.microsoft.com smartscreen.microsoft.com
		amazonaws.com s3.amazonaws.com s3.ap-northeast-1.amazonaws.com execute-api.us-west-2.amazonaws.com
		checkip.amazonaws.com amazon.co.jp cloudfront.net d1234.cloudfront.net
		cloudflare.com cdn.cloudflare.net one.one.one.one cloudflare-dns.com akamai.net fastly.net pubnubapi.com
		apple.com www.apple.com icloud.com gateway.icloud.com push.apple.com swcdn.apple.com ocsp.apple.com time.apple.com
		firebaseapp.com web.app pages.dev github.io softonic.com software.informer.com qq.com taobao.com
		zoom.us us02web.zoom.us webex.com adobe.com www.adobeconnect.com slack.com dropbox.com box.com
		zoho.com www.zoho.com mail.zoho.jp salesiq.zoho.com basecamp.com freshworks.com wchat.freshchat.com
		sophos.com d1.sophosupd.com dci.sophosupd.net trendmicro.com www.trendmicro.co.jp eset.com
		www.mhlw.go.jp mhlw.go.jp www.iryohokenjyoho-portalsite.jp www.ssk.or.jp www.orca.med.or.jp ftp.orca.med.or.jp
		ipa.go.jp www.ipa.go.jp www.soumu.go.jp www.med.or.jp www.nta.go.jp e-gov.go.jp www.optim.co.jp biz3.optim.co.jp
		ntp.nict.jp www.ntt-east.co.jp co.jp or.jp go.jp ne.jp co.kr com.br com.au uplus.co.kr datto.com comodo.com parallels.com
		kaseya.com connectwise.com manageengine.com n-able.com goto.com nvaccess.org www.nvaccess.org jumpcloud.com
		debian.org deb.debian.org letsencrypt.org ocsp.digicert.com`) {
		if tool, class, _ := s.Lookup(name); class == Block {
			t.Errorf("%s would be refused as one of %s", name, tool)
		}
	}
}

// A wildcard at or above a name that many share would refuse them all.
func TestNoWideDomains(t *testing.T) {
	wide := strings.Fields(`amazonaws.com windows.net azurewebsites.net googleapis.com google.com microsoft.com apple.com
		cloudfront.net cloudflare.net github.com githubusercontent.com github.io firebaseapp.com web.app pages.dev
		visualstudio.com co.jp or.jp go.jp ne.jp ac.jp co.kr co.uk com.au com.br com.cn eu.com zoho.com zoho.jp qq.com`)
	for _, tool := range load(t).tools {
		for _, d := range tool.Domains {
			if slices.ContainsFunc(wide, func(w string) bool { return d.Name == w || strings.HasSuffix(w, "."+d.Name) }) &&
				d.Below && d.Class != Shared {
				t.Errorf("%s: %s is too wide", tool.Name, d)
			}
		}
	}
}

// The file is in its one form, and whole: nothing of the source is missing.
func TestFile(t *testing.T) {
	f, err := read(data)
	if err != nil {
		t.Fatal(err)
	}
	if f.Source == "" || len(f.Commit) != 40 || f.Date == "" || !strings.Contains(f.Licence, "Apache-2.0") || f.Review == "" {
		t.Errorf("the head lacks something: %+v", f)
	}
	listed := 0
	for i, tool := range f.Tools {
		if i > 0 && strings.Compare(strings.ToLower(f.Tools[i-1].Name), strings.ToLower(tool.Name)) >= 0 {
			t.Errorf("%s is not sorted in", tool.Name)
		}
		switch {
		case tool.Added:
			if tool.Why == "" || len(tool.Listed) > 0 {
				t.Errorf("%s: added without a reason, or listed after all", tool.Name)
			}
		case len(tool.Listed) == 0:
			listed++
		default:
			listed += len(tool.Listed)
		}
		checkTool(t, &tool)
	}
	if listed != sourceTools {
		t.Errorf("%d tools of the source are here, of %d", listed, sourceTools)
	}
	if _, err := read(append(slices.Clone(data), "{}"...)); err == nil {
		t.Error("a file with something after its end is read")
	}
}

func checkTool(t *testing.T, tool *fileTool) {
	shared := true
	for i, d := range tool.Domains {
		shared = shared && d.Class == Shared
		name := strings.TrimPrefix(d.Name, "*.")
		if c, err := list.Canonical(name); err != nil || c != name {
			t.Errorf("%s: %s is not canonical", tool.Name, d.Name)
		}
		if i > 0 && place(tool.Domains[i-1].Name) >= place(d.Name) {
			t.Errorf("%s: %s is not sorted in", tool.Name, d.Name)
		}
		if d.Why == "" && d.Of == "" && (d.Added || d.Class != Block) {
			t.Errorf("%s: %s does not say why", tool.Name, d.Name)
		}
		if d.Of == tool.Name {
			t.Errorf("%s: %s belongs to it anyway", tool.Name, d.Name)
		}
		for _, o := range tool.Domains {
			wide, covers := strings.CutPrefix(o.Name, "*.")
			if covers && strings.HasSuffix(name, "."+wide) && o.Class == d.Class && o.Of == d.Of {
				t.Errorf("%s: %s is covered by %s", tool.Name, d.Name, o.Name)
			}
		}
	}
	if tool.Shared != shared {
		t.Errorf("%s: marked shared is %v", tool.Name, tool.Shared)
	}
	for _, d := range tool.Dropped {
		if d.Why == "" {
			t.Errorf("%s: %s was dropped without a reason", tool.Name, d.Name)
		}
		by, covered := strings.CutPrefix(d.Why, "covered by ")
		if covered && !slices.ContainsFunc(tool.Domains, func(o fileDomain) bool { return o.Name == by }) {
			t.Errorf("%s: %s is not covered by %s", tool.Name, d.Name, by)
		}
		if slices.ContainsFunc(tool.Domains, func(o fileDomain) bool { return o.Name == d.Name }) {
			t.Errorf("%s: %s was dropped and is here", tool.Name, d.Name)
		}
	}
}

// place is the key names are sorted by: from the top of the name space down.
func place(name string) string {
	labels := strings.Split(strings.TrimPrefix(name, "*."), ".")
	slices.Reverse(labels)
	return strings.Join(labels, "\x00") + "\x00\x00" + name
}

// A name of the owner's is listed by the owner, itself or with one above it.
func TestOwners(t *testing.T) {
	s := load(t)
	for _, tool := range s.tools {
		for _, d := range tool.Domains {
			if d.Of != "" && d.Class != Shared && !s.Belongs(d.Of, d.Name) {
				t.Errorf("%s: %s does not belong to %s", tool.Name, d, d.Of)
			}
			if got, class, ok := s.Lookup(d.Name); !ok || class != d.Class || d.Of == "" && got != tool.Name {
				t.Errorf("%s: %s is found as %s, %s", tool.Name, d, got, class)
			}
		}
	}
}

// Bad data is an error and not half a set.
func TestBadData(t *testing.T) {
	good := fileTool{Name: "A", Domains: []fileDomain{{Name: "*.a.example", Class: Block}}}
	with := func(d ...fileDomain) fileTool { return fileTool{Name: "B", Domains: d} }
	for what, tool := range map[string]fileTool{
		"name twice":    {Name: "A"},
		"no name":       {},
		"no class":      with(fileDomain{Name: "b.example"}),
		"other class":   with(fileDomain{Name: "b.example", Class: "refuse"}),
		"one label":     with(fileDomain{Name: "example", Class: Block}),
		"upper case":    with(fileDomain{Name: "B.example", Class: Block}),
		"an address":    with(fileDomain{Name: "192.0.2.1", Class: Block}),
		"inner star":    with(fileDomain{Name: "b.*.example", Class: Block}),
		"twice":         with(fileDomain{Name: "*.a.example", Class: Block}),
		"another class": with(fileDomain{Name: "*.a.example", Class: Shared, Of: "A"}),
		"another form":  with(fileDomain{Name: "a.example", Class: Block, Of: "A"}),
		"no such owner": with(fileDomain{Name: "b.example", Class: Block, Of: "C"}),
	} {
		if _, err := newSet(file{Tools: []fileTool{good, tool}}); err == nil {
			t.Errorf("%s: taken", what)
		}
	}
	if _, err := newSet(file{Tools: []fileTool{good, with(fileDomain{Name: "*.a.example", Class: Block, Of: "A"})}}); err != nil {
		t.Error(err)
	}
}

// Those much used in Japanese clinics are here, by names people know.
func TestKnownTools(t *testing.T) {
	s := load(t)
	for _, name := range []string{"AnyDesk", "BeyondTrust (Bomgar)", "Chrome Remote Desktop", "ConnectWise ScreenConnect", "DWService",
		"GoToAssist (GoTo Resolve)", "GoToMyPC", "ISL Online", "LogMeIn", "LogMeIn Rescue", "MagicConnect", "Microsoft Quick Assist",
		"Optimal Remote", "RemoteCall", "RemoteView", "RustDesk", "Splashtop", "TeamViewer", "Zoho Assist"} {
		tool, ok := s.Tool(name)
		if !ok || tool.Shared != (name == "Optimal Remote") || (len(s.Names(name)) == 0) != tool.Shared {
			t.Errorf("%s: %+v, %v", name, tool, s.Names(name))
		}
	}
	if got := s.Names("AnyDesk"); !slices.Equal(got, []string{"*.anydesk.com.cn", "*.anydesk.com"}) {
		t.Errorf("%v", got)
	}
	if tool, _ := s.Tool("ISL Online"); !slices.Equal(tool.Also, []string{"ISL Light"}) {
		t.Errorf("%+v", tool.Also)
	}
	if _, ok := s.Tool("none"); ok || s.Names("none") != nil || len((*Set)(nil).Tools()) != 0 {
		t.Error("a tool that is none")
	}
}
