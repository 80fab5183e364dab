package people_test

import (
	"slices"
	"testing"
	"time"

	"monban/gateway/people"
)

var (
	acts = []people.Act{people.ActRead, people.ActAskWindow, people.ActApprove, people.ActCloseWindow, people.ActBreakGlass,
		people.ActNameDevice, people.ActSelfTest, people.ActManagePeople, people.ActConfigure, people.ActExplain,
		people.ActBreakSealed, people.ActReport, people.ActReview, people.ActEnrol, people.ActNotices,
		people.ActNames, people.ActAllowName, people.ActLists, people.ActBringUpdate, people.ActApproveUpdate, people.ActSiteFile, people.ActAccount}
	roles = []people.Role{people.Director, people.Staff, people.Vendor, people.Inspector, people.Console, people.System}
)

// The whole table, so that a change of it is seen in review: one column per
// act in the order of acts.
func TestMay(t *testing.T) {
	for role, want := range map[people.Role]string{
		//                read ask approve close break name selftest people config explain, sealed report review enrol notices, names allow lists, bring approve site account
		people.Director:  "xxxx.xxxxx" + "xxxxx" + "xxx" + "xxxx",
		people.Staff:     "xx.x.xx..x" + "xxx.." + "..." + "...x",
		people.Vendor:    "xx.x.xx.xx" + ".x..." + "..." + "x..x",
		people.Inspector: "x........." + "....." + "..." + "...x",
		people.Console:   "xx.xxxxxxx" + ".xxxx" + "xxx" + "....",
		people.System:    "x..x..x..." + "....." + "..." + "....",
		"":               ".........." + "....." + "..." + "....",
		"Director":       ".........." + "....." + "..." + "....",
	} {
		for i, act := range acts {
			if got := (people.Actor{Role: role}).May(act); got != (want[i] == 'x') {
				t.Errorf("%q may %s: %v", role, act, got)
			}
		}
		if (people.Actor{Role: role}).May("") || (people.Actor{Role: role}).May("no.such") {
			t.Errorf("%q may do what does not exist", role)
		}
	}
}

// The director approves, and the staff he named deputies, who may do nothing else;
// the mark means nothing on anybody else.
func TestOnlyTheDirectorApproves(t *testing.T) {
	for _, role := range roles {
		for _, deputy := range []bool{false, true} {
			a, plain := people.Actor{Role: role, Deputy: deputy}, people.Actor{Role: role}
			deputed := []people.Act{people.ActApprove, people.ActNames, people.ActAllowName}
			for _, act := range deputed {
				console := role == people.Console && act != people.ActApprove
				if a.May(act) != (role == people.Director || role == people.Staff && deputy || console) {
					t.Errorf("%s, deputy %v, %s", role, deputy, act)
				}
			}
			for _, act := range acts {
				if !slices.Contains(deputed, act) && a.May(act) != plain.May(act) {
					t.Errorf("a deputy %s and %s", role, act)
				}
			}
			if p := (people.Person{Role: role, Deputy: deputy}); p.Actor("page").Deputy != (deputy && role == people.Staff) {
				t.Errorf("the account of a %s, deputy %v", role, deputy)
			}
		}
	}
}

func TestSame(t *testing.T) {
	root, other := people.Actor{Name: "root", Role: people.Console}, people.Actor{Name: "monban", Role: people.Console}
	one := people.Actor{ID: 1, Name: "院長", Role: people.Director}
	renamed := people.Actor{ID: 1, Name: "院長(新)", Role: people.Staff}
	if !one.Same(renamed) || one.Same(root) || root.Same(other) || !root.Same(root) || (people.Actor{}).Same(people.Actor{}) {
		t.Error("who is the same")
	}
}

func TestSteppedUpWithin(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for at, want := range map[time.Time]bool{{}: false, now: true, now.Add(-time.Minute): true,
		now.Add(-time.Minute - 1): false, now.Add(1): false} {
		if got := (people.Actor{SteppedUp: at}).SteppedUpWithin(time.Minute, now); got != want {
			t.Errorf("%v: %v", at, got)
		}
	}
}
