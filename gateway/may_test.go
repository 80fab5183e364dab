package gateway

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"monban/gateway/notice"
	"monban/gateway/people"
	"monban/gateway/selftest"
)

// free are the exported methods that ask for no actor: what they tell the
// pages before anybody has signed in, and what lets people in.
var free = []string{
	// Of whoever sits at a device in the house.
	"BlockedName", "Health", "WishBlocked", "Actor", "Admit", "BeginSetUp", "FinishSetUp", "Inside", "Logins", "PageNames", "PendingSetUp", "PrepareSetUp",
	"Owns", "Proof", "Reload", "Run", "SeeLimited", "SeeTool", "SetUpNeeded", "SignIn", "Site", "SiteID", "Status", "StepUp", "Tools", "Vendors", "Zone"}

// acts are all others, each as somebody would call it. An act that gets as far
// as its own faults was allowed.
func acts(b *box, waiting, open int64) map[string]func(context.Context, people.Actor) error {
	second := func(_ any, err error) error { return err }
	return map[string]func(context.Context, people.Actor) error{
		"AskWindow": func(c context.Context, a people.Actor) error { return second(b.AskWindow(c, a, want(time.Hour, 1))) },
		"ApproveWindow": func(c context.Context, a people.Actor) error {
			return second(b.ApproveWindow(c, a, waiting, 9*time.Hour, true))
		},
		"BreakGlass": func(c context.Context, a people.Actor) error {
			return second(b.BreakGlass(c, a, want(time.Hour, 3389)))
		},
		"RefuseWindow": func(c context.Context, a people.Actor) error { return second(b.RefuseWindow(c, a, waiting, "")) },
		"CloseWindow":  func(c context.Context, a people.Actor) error { return second(b.CloseWindow(c, a, 99)) },
		"CloseAll":     func(c context.Context, a people.Actor) error { return second(b.CloseAll(c, a)) },
		"Devices":      func(c context.Context, a people.Actor) error { return second(b.Devices(c, a)) },
		"NameDevice":   func(c context.Context, a people.Actor) error { return b.NameDevice(c, a, 999, "x") },
		"RunSelfTest":  func(c context.Context, a people.Actor) error { return b.RunSelfTest(c, a) },
		"People":       func(c context.Context, a people.Actor) error { return second(b.People(c, a)) },
		"Invite":       func(c context.Context, a people.Actor) error { return second(b.Invite(c, a, "boss")) },
		"Windows":      func(c context.Context, a people.Actor) error { return second(b.Windows(c, a, 0, 0)) },
		"WindowByID":   func(c context.Context, a people.Actor) error { return second(b.WindowByID(c, a, open)) },
		"Audit":        func(c context.Context, a people.Actor) error { return second(b.Audit(c, a, 0, 0)) },
		"CheckAudit":   func(c context.Context, a people.Actor) error { return second(b.CheckAudit(c, a)) },
		"Explain":      func(c context.Context, a people.Actor) error { return second(b.Explain(c, a, "lab.example", inside)) },
		"Checklist":    func(c context.Context, a people.Actor) error { _, _, err := b.Checklist(c, a); return err },
		"ExtendWindow": func(c context.Context, a people.Actor) error {
			return second(b.ExtendWindow(c, a, open, 9*time.Hour, true))
		},
		"ReadRequest":   func(c context.Context, a people.Actor) error { return second(b.ReadRequest(c, a, "")) },
		"RecordRequest": func(c context.Context, a people.Actor) error { return second(b.RecordRequest(c, a, "")) },
		"Plans":         func(c context.Context, a people.Actor) error { return second(b.Plans(c, a)) },
		"AddPlan":       func(c context.Context, a people.Actor) error { return second(b.AddPlan(c, a, PlanAsk{})) },
		"DropPlan":      func(c context.Context, a people.Actor) error { return b.DropPlan(c, a, 99) },
		"Keys":          func(c context.Context, a people.Actor) error { return second(b.Keys(c, a)) },
		"EnrolKey":      func(c context.Context, a people.Actor) error { return second(b.EnrolKey(c, a, "", "", "")) },
		"RevokeKey":     func(c context.Context, a people.Actor) error { return b.RevokeKey(c, a, 99) },
		"NewSealedCodes": func(c context.Context, a people.Actor) error {
			a.SteppedUp = time.Time{}
			return second(b.NewSealedCodes(c, a))
		},
		"SealedCodes": func(c context.Context, a people.Actor) error { return second(b.SealedCodes(c, a)) },
		"BreakSealed": func(c context.Context, a people.Actor) error {
			return second(b.BreakSealed(c, a, inside, "", Ask{}))
		},
		"ReportWindow":   func(c context.Context, a people.Actor) error { return second(b.ReportWindow(c, a, waiting, "x")) },
		"ReviewWindow":   func(c context.Context, a people.Actor) error { return second(b.ReviewWindow(c, a, waiting, "x")) },
		"ExcuseWindow":   func(c context.Context, a people.Actor) error { return second(b.ExcuseWindow(c, a, waiting, "x")) },
		"WindowSheet":    func(c context.Context, a people.Actor) error { return second(b.WindowSheet(c, a, open)) },
		"WindowMonth":    func(c context.Context, a people.Actor) error { return second(b.WindowMonth(c, a, 2027, 3)) },
		"AcceptList":     func(c context.Context, a people.Actor) error { return b.AcceptList(c, a, "none", "") },
		"RefuseList":     func(c context.Context, a people.Actor) error { return b.RefuseList(c, a, "none", "") },
		"NameLists":      func(c context.Context, a people.Actor) error { return second(b.NameLists(c, a)) },
		"ConfirmNetwork": func(c context.Context, a people.Actor) error { return b.ConfirmNetwork(c, a) },
		"CheckNameLists": func(c context.Context, a people.Actor) error { return second(b.CheckNameLists(c, a)) },
		"Denies":         func(c context.Context, a people.Actor) error { return second(b.Denies(c, a)) },
		"DenyName":       func(c context.Context, a people.Actor) error { return second(b.DenyName(c, a, "", "")) },
		"EndDeny":        func(c context.Context, a people.Actor) error { return b.EndDeny(c, a, 99) },
		"Evasions":       func(c context.Context, a people.Actor) error { return second(b.Evasions(c, a, "")) },
		"Attempts":       func(c context.Context, a people.Actor) error { return second(b.Attempts(c, a, "")) },
		"NoticeSettings": func(c context.Context, a people.Actor) error { return second(b.NoticeSettings(c, a)) },
		"SetNoticeSettings": func(c context.Context, a people.Actor) error {
			a.SteppedUp = time.Time{}
			return b.SetNoticeSettings(c, a, notice.Settings{})
		},
		"Names":       func(c context.Context, a people.Actor) error { return second(b.Names(c, a, NameQuery{})) },
		"NameStats":   func(c context.Context, a people.Actor) error { return second(b.NameStats(c, a, "", "")) },
		"WhyName":     func(c context.Context, a people.Actor) error { return second(b.WhyName(c, a, "", "", inside)) },
		"ExportNames": func(c context.Context, a people.Actor) error { return third(b.ExportNames(c, a, NameQuery{})) },
		"WishName":    func(c context.Context, a people.Actor) error { return second(b.WishName(c, a, AllowAsk{})) },
		"AllowName": func(c context.Context, a people.Actor) error {
			return second(b.AllowName(c, a, 99, AllowAsk{Length: time.Hour}))
		},
		"EndAllow": func(c context.Context, a people.Actor) error { return b.EndAllow(c, a, 99) },
		"Allows":   func(c context.Context, a people.Actor) error { return second(b.Allows(c, a)) },
		"PauseNames": func(c context.Context, a people.Actor) error {
			return b.PauseNames(c, a, PauseAsk{Length: time.Second})
		},
		"NameGroups":    func(c context.Context, a people.Actor) error { return second(b.NameGroups(c, a)) },
		"ResumeNames":   func(c context.Context, a people.Actor) error { return b.ResumeNames(c, a, PauseAsk{}) },
		"TestNotice":    func(c context.Context, a people.Actor) error { return b.TestNotice(c, a, "pigeon") },
		"SetDeputy":     func(c context.Context, a people.Actor) error { return b.SetDeputy(c, a, 99, true) },
		"Firmware":      func(c context.Context, a people.Actor) error { return second(b.Firmware(c, a)) },
		"CheckFirmware": func(c context.Context, a people.Actor) error { return b.CheckFirmware(c, a) },
		"UploadFirmware": func(c context.Context, a people.Actor) error {
			return second(b.UploadFirmware(c, a, strings.NewReader("")))
		},
		"ApproveFirmware":  func(c context.Context, a people.Actor) error { return b.ApproveFirmware(c, a, "") },
		"HurryFirmware":    func(c context.Context, a people.Actor) error { return b.HurryFirmware(c, a, "") },
		"CancelFirmware":   func(c context.Context, a people.Actor) error { return b.CancelFirmware(c, a, "") },
		"SiteFile":         func(c context.Context, a people.Actor) error { return second(b.SiteFile(c, a)) },
		"CheckSite":        func(c context.Context, a people.Actor) error { return second(b.CheckSite(c, a, nil)) },
		"ChangeSite":       func(c context.Context, a people.Actor) error { return second(b.ChangeSite(c, a, "", nil)) },
		"SeeFirmware":      func(c context.Context, a people.Actor) error { return b.SeeFirmware(c, a) },
		"Account":          func(c context.Context, a people.Actor) error { return second(b.Account(c, a)) },
		"SetPassword":      func(c context.Context, a people.Actor) error { return second(b.SetPassword(c, inside, a, "", "")) },
		"BeginFactor":      func(c context.Context, a people.Actor) error { return second(b.BeginFactor(c, a)) },
		"FinishFactor":     func(c context.Context, a people.Actor) error { return second(b.FinishFactor(c, inside, a, "", "")) },
		"NewRecoveryCodes": func(c context.Context, a people.Actor) error { return third(b.NewRecoveryCodes(c, inside, a)) },
		"CheckAuditAgainst": func(c context.Context, a people.Actor) error {
			return second(b.CheckAuditAgainst(c, a, nil))
		},
	}
}

// Who may do what, over every exported method. A method nobody put here fails
// the test.
func TestMay(t *testing.T) {
	b := newBox(t)
	b.o.SelfTest = func(context.Context, selftest.Request) (selftest.Result, error) { return selftest.Result{}, nil }
	b.start()
	b.seen(rececom, "192.168.10.31")
	w := b.opened(time.Hour, 3389)
	next, err := b.AskWindow(t.Context(), staff, want(time.Hour, 104))
	if err != nil {
		t.Fatal(err)
	}
	all := acts(b, next.ID, w.ID)
	there := map[string]bool{}
	for m := range reflect.TypeFor[*Gateway]().Methods() {
		there[m.Name] = true
		if _, ok := all[m.Name]; !ok && !slices.Contains(free, m.Name) {
			t.Errorf("nobody says who may call %s", m.Name)
		}
	}
	for _, name := range free {
		if !there[name] {
			t.Errorf("%s is gone", name)
		}
	}
	const director, vendor = people.Director, people.Vendor
	everybody := []people.Role{director, people.Staff, vendor, people.Inspector, people.Console, people.System}
	working := []people.Role{director, people.Staff, vendor, people.Console}
	boss := []people.Role{director, people.Console}
	accounts := []people.Role{director, people.Staff, vendor, people.Inspector} // the console and the box have none
	may := map[string][]people.Role{
		"Account": accounts, "SetPassword": accounts, "BeginFactor": accounts, "FinishFactor": accounts, "NewRecoveryCodes": accounts,
		"Windows": everybody, "WindowByID": everybody, "Devices": everybody, "Checklist": everybody,
		"Audit": everybody, "CheckAudit": everybody, "CheckAuditAgainst": everybody,
		"AskWindow": working, "NameDevice": working, "Explain": working,
		"ApproveWindow": {director}, "RefuseWindow": {director},
		"CloseWindow": append(slices.Clone(working), people.System), "CloseAll": append(slices.Clone(working), people.System),
		"RunSelfTest": append(slices.Clone(working), people.System),
		"BreakGlass":  {people.Console}, "People": boss, "Invite": boss,
		"ExtendWindow": {director}, "ReadRequest": working, "RecordRequest": working, "AddPlan": working, "DropPlan": working,
		"Plans": everybody, "Keys": everybody, "SealedCodes": everybody, "WindowSheet": everybody, "WindowMonth": everybody,
		"Evasions": boss, "Attempts": everybody, "NewSealedCodes": boss, "SetDeputy": boss, "EnrolKey": boss, "RevokeKey": boss,
		"NoticeSettings": boss, "SetNoticeSettings": boss, "TestNotice": boss,
		"Names": boss, "NameStats": boss, "ExportNames": boss, "AllowName": boss, "EndAllow": boss, "PauseNames": boss, "ResumeNames": boss,
		"WhyName": working, "WishName": working, "Allows": working, "NameGroups": working,
		"AcceptList": boss, "RefuseList": boss, "CheckNameLists": boss, "DenyName": boss, "EndDeny": boss,
		"NameLists": everybody, "Denies": everybody, "Firmware": everybody,
		"CheckFirmware": {director, vendor}, "UploadFirmware": {director, vendor}, "CancelFirmware": {director, vendor}, "ApproveFirmware": {director}, "HurryFirmware": {director}, "SeeFirmware": {director},
		"SiteFile": {director}, "CheckSite": {director}, "ChangeSite": {director},
		"ConfirmNetwork": {director, vendor, people.Console},
		"BreakSealed":    {director, people.Staff}, "ReportWindow": working,
		"ReviewWindow": {director, people.Staff, people.Console}, "ExcuseWindow": {director, people.Staff, people.Console},
	}
	for name, call := range all {
		for _, role := range append(everybody, "", "root") {
			if role == people.Console && name == "BreakGlass" || name == "CloseAll" && slices.Contains(may[name], role) {
				continue // these really act; below
			}
			who := people.Actor{ID: 50, Name: "誰か", Role: role, Via: "page", SteppedUp: noon}
			before := b.db().Head()
			err := call(t.Context(), who)
			refused := slices.Equal(codes(err), []string{"people.may_not"})
			if allowed := slices.Contains(may[name], role); refused == allowed {
				t.Errorf("%s as %q: %v", name, role, err)
			}
			if refused && b.db().Head() != before {
				t.Errorf("%s as %q was refused and done", name, role)
			}
		}
	}
	b.on(w.ID, "open", "")
	b.on(next.ID, "requested", "")
	if b.lines("window.break_glass")+b.lines("device.named")+b.lines("people.invited") != 0 || b.fw.called("OpenWindow") != 1 {
		t.Error("somebody did what he may not")
	}
	// The other port is free again only when the console has closed everything.
	if n, err := b.CloseAll(t.Context(), console); err != nil || n != 1 {
		t.Error(n, err)
	}
	if got, err := b.BreakGlass(t.Context(), console, want(time.Hour, 3389)); err != nil || !got.BreakGlass || got.Approver.Name != "" {
		t.Error(got, err)
	}
}
