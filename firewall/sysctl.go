package firewall

// A Sysctl is a kernel setting the rules rely on. Key is its path below
// /proc/sys; Why says what goes wrong without it.
type Sysctl struct{ Key, Value, Why string }

// Sysctls are the settings the boot writes before the first rule and the
// daemon checks. Those of net.ipv4.conf and net.ipv6.conf are for "all" and
// "default"; accept_ra of the WAN interface is the network set-up's.
func Sysctls() []Sysctl {
	list := []Sysctl{
		{"net/netfilter/nf_conntrack_tcp_loose", "0", "a cut TCP session could be taken up again in the middle"},
		{"net/netfilter/nf_conntrack_tcp_be_liberal", "0", "packets outside the TCP window would pass as part of the flow"},
		{"net/netfilter/nf_conntrack_acct", "1", "sessions would have no byte counts"},
		{"net/netfilter/nf_conntrack_timestamp", "1", "sessions would have no start"},
		{"net/netfilter/nf_conntrack_events", "1", "flows born before the watcher would give no events"},
		{"net/ipv4/ip_forward", "1", "nothing would pass through the box"},
		{"net/ipv6/conf/all/forwarding", "1", "nothing would pass through the box"},
	}
	for _, c := range []string{"all", "default"} {
		list = append(list,
			Sysctl{"net/ipv4/conf/" + c + "/rp_filter", "0", "the rules check the way back, with their exemptions"},
			Sysctl{"net/ipv4/conf/" + c + "/accept_redirects", "0", "neighbours could bend our routes"},
			Sysctl{"net/ipv4/conf/" + c + "/send_redirects", "0", "devices would be told ways round us"},
			Sysctl{"net/ipv4/conf/" + c + "/accept_source_route", "0", "senders could choose the way"},
			Sysctl{"net/ipv6/conf/" + c + "/accept_redirects", "0", "neighbours could bend our routes"},
			Sysctl{"net/ipv6/conf/" + c + "/accept_source_route", "0", "senders could choose the way"},
		)
	}
	return list
}
