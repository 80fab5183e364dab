package kernel_test

import (
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"monban/firewall"
	"monban/firewall/kernel"
)

func open(t testing.TB) *kernel.Kernel {
	t.Helper()
	needRoot(t)
	newNetns(t).enter(t)
	k, err := kernel.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	return k
}

func compile(t testing.TB, p firewall.Policy) firewall.Ruleset {
	t.Helper()
	rs, err := firewall.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

func needNFT(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("nft"); err != nil {
		if needRoot(t); testing.Short() {
			t.Skip("needs the nft tool")
		}
		t.Fatal("needs the nft tool")
	}
}

// Text, encoder and kernel agree: what nft makes of our text lists exactly as
// what we wrote, and our reader reads both as the same.
func TestParity(t *testing.T) {
	k := open(t)
	needNFT(t)
	small := firewall.Policy{WAN: []string{"wan0"}, LAN: []string{"lan0", "lan1"}, LAN4: netip.MustParseAddr(box4)}
	setup := firewall.Policy{LAN: []string{"lan0"}, PagePorts: []uint16{443}, SetUp: true}
	for name, rs := range map[string]firewall.Ruleset{
		"full": compile(t, policy()), "small": compile(t, small), "set-up": compile(t, setup), "closed": firewall.Closed(),
	} {
		if err := k.Apply(rs); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := k.Apply(rs); err != nil { // replaces, does not append
			t.Fatalf("%s again: %v", name, err)
		}
		ours := nft(t, "", "list", "table", "inet", firewall.Table)
		nft(t, "", "delete", "table", "inet", firewall.Table)
		nft(t, rs.String(), "-f", "-")
		theirs := nft(t, "", "list", "table", "inet", firewall.Table)
		if a, b := sections(ours), sections(theirs); a != b {
			t.Errorf("%s: listings differ:\n%s", name, lineDiff(a, b))
		}
		if err := k.Holds(rs); err != nil {
			t.Errorf("%s: as nft made it: %v", name, err)
		}
		nft(t, "", "delete", "table", "inet", firewall.Table)
	}
}

// sections sorts the parts of a listing: their order is that of their making.
func sections(s string) string {
	parts := strings.Split(s, "\n\n")
	for i := range parts {
		parts[i] = strings.TrimSuffix(strings.TrimPrefix(parts[i], "table inet monban {\n"), "\n}\n")
	}
	return strings.Join(sorted(parts), "\n\n")
}

// A log rule reads as ours only if it is ours to the last option: another
// rate would fill the log, another group would empty it.
func TestLogRule(t *testing.T) {
	k := open(t)
	needNFT(t)
	ours := (firewall.Action{Do: firewall.DoLog}).String()
	for _, rule := range []string{ours,
		`limit rate 6/second burst 20 packets log prefix "monban try" group 86`,
		`limit rate 5/minute burst 20 packets log prefix "monban try" group 86`,
		`limit rate 5/second burst 21 packets log prefix "monban try" group 86`,
		`limit rate over 5/second burst 20 packets log prefix "monban try" group 86`,
		`limit rate 5 bytes/second burst 20 bytes log prefix "monban try" group 86`,
		`limit rate 5/second burst 20 packets log prefix "monban" group 86`,
		`limit rate 5/second burst 20 packets log prefix "monban try" group 87`,
		`limit rate 5/second burst 20 packets log prefix "monban try" group 86 snaplen 64`,
		`limit rate 5/second burst 20 packets log prefix "monban try" level info`,
		`log prefix "monban try" group 86`,
		`limit rate 5/second burst 20 packets accept`,
		`limit rate 5/second burst 20 packets`,
		`limit rate 5/second burst 20 packets meta l4proto tcp log prefix "monban try" group 86`,
	} {
		nft(t, "table inet monban {\n\tchain tried {\n\t\t"+rule+"\n\t}\n}\n", "-f", "-")
		got, err := k.Read()
		if err != nil || strings.Contains(got, "\t\t"+ours+"\n") != (rule == ours) {
			t.Errorf("%s\nreads as\n%s%v", rule, got, err)
		}
		nft(t, "", "delete", "table", "inet", "monban")
	}
}
