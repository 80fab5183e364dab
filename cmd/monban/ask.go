package main

import (
	"fmt"
	"net/url"
	"strconv"
	"text/tabwriter"
	"time"

	"monban/gateway"
	"monban/gateway/checklist"
	"monban/gateway/text"
)

// The commands here only ask the daemon and print what it says.

type statusCmd struct{ remote }

// Run prints the box at a glance.
func (c *statusCmd) Run(e *env) error {
	var s gateway.Status
	if err := c.client().Get(e.ctx, "/status", &s); err != nil {
		return err
	}
	return c.print(e.stdout, s, func() {
		fmt.Fprintln(e.stdout, e.lang.Say("command.status."+string(s.Mode), nil))
		for _, n := range s.Notes {
			fmt.Fprintln(e.stdout, "-", e.lang.Say(n.Code, n.Args))
		}
		if !s.ClockSynced {
			fmt.Fprintln(e.stdout, "-", e.lang.Say("gateway.clock", nil))
		}
		for _, w := range s.Open {
			fmt.Fprintln(e.stdout, e.lang.Say("command.window_open", text.Args{
				"id": w.ID, "vendor": w.VendorLabel, "device": w.DeviceName, "ends": shortTime(w.Ends)}))
		}
	})
}

type deviceCmd struct {
	List deviceListCmd `cmd:"" help:"List every device seen, those nobody named yet first."`
	Name deviceNameCmd `cmd:"" help:"Give a device its name in the ledger."`
}

type deviceListCmd struct{ remote }

// Run lists the devices.
func (c *deviceListCmd) Run(e *env) error {
	var ds []gateway.Device
	if err := c.client().Get(e.ctx, "/devices", &ds); err != nil {
		return err
	}
	return c.print(e.stdout, ds, func() {
		t := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
		for _, d := range ds {
			name := d.Name
			if name == "" {
				name = e.lang.Say("command.unnamed", nil)
			}
			fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\n", d.ID, name, d.MAC, d.Maker, joinAddrs(d.Addrs), shortTime(d.LastSeen))
		}
		t.Flush()
	})
}

type deviceNameCmd struct {
	remote
	ID   int64  `arg:"" help:"Number of the device, as listed."`
	Name string `arg:"" help:"Its name."`
}

// Run names the device.
func (c *deviceNameCmd) Run(e *env) error {
	in := struct{ Name string }{c.Name}
	return c.client().Post(e.ctx, "/devices/"+strconv.FormatInt(c.ID, 10)+"/name", in, nil)
}

type checklistCmd struct{ remote }

// Run prints the checklist with what proves each item.
func (c *checklistCmd) Run(e *env) error {
	var l gateway.Checklist
	if err := c.client().Get(e.ctx, "/checklist", &l); err != nil {
		return err
	}
	return c.print(e.stdout, l, func() {
		fmt.Fprintln(e.stdout, e.lang.Say(checklist.Scope, nil))
		t := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
		for _, i := range l.Items {
			fmt.Fprintf(t, "%s\t%s\t%s\n", i.No, e.lang.Say("checklist.state."+string(i.State), nil), i.Title.In(e.lang))
		}
		t.Flush()
	})
}

type auditCmd struct {
	List   auditListCmd   `cmd:"" help:"List the log, newest first."`
	Verify auditVerifyCmd `cmd:"" help:"Check that no line of the log was changed, taken away, added or moved."`
}

type auditListCmd struct {
	remote
	Before uint64 `help:"Only lines with a lower number." placeholder:"SEQ"`
	Limit  int    `default:"100" help:"At most so many lines."`
}

// Run lists the log.
func (c *auditListCmd) Run(e *env) error {
	var ls []gateway.AuditLine
	q := url.Values{"before": {strconv.FormatUint(c.Before, 10)}, "limit": {strconv.Itoa(c.Limit)}}
	if err := c.client().Get(e.ctx, "/audit?"+q.Encode(), &ls); err != nil {
		return err
	}
	return c.print(e.stdout, ls, func() {
		for _, l := range ls {
			fmt.Fprintf(e.stdout, "%d  %s  %s  %s\n", l.Seq, shortTime(l.At), l.Who, e.lang.Say(l.Code, l.Args))
		}
	})
}

type auditVerifyCmd struct {
	remote
	Against string `help:"Head and count from a report or the head file, to find a cut tail or a rewritten log." placeholder:"HEAD:COUNT"`
}

// Run verifies the log; a log that does not verify is exit status 1.
func (c *auditVerifyCmd) Run(e *env) error {
	var a gateway.AuditCheck
	if err := c.client().Get(e.ctx, "/audit/check?"+url.Values{"against": {c.Against}}.Encode(), &a); err != nil {
		return err
	}
	if err := c.print(e.stdout, a, func() {
		if a.Bad == 0 && a.Why == "" {
			fmt.Fprintln(e.stdout, e.lang.Say("command.log_verified", text.Args{"count": a.Count, "head": a.Head}))
		} else {
			fmt.Fprintln(e.stdout, e.lang.Say(a.Why, text.Args{"line": a.Bad}))
		}
	}); err != nil {
		return err
	}
	if a.Bad != 0 || a.Why != "" {
		return exitStatus(1)
	}
	return nil
}

type explainCmd struct {
	remote
	Name   string `arg:"" help:"The name asked for."`
	Device string `help:"As asked by this device: its name, or its hardware address." placeholder:"NAME"`
	Client string `help:"As asked by the device with this address." placeholder:"IP"`
}

// since is a time for people at a terminal; empty if it is not known.
func since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04")
}

// Run says why a name is answered as it is.
func (c *explainCmd) Run(e *env) error {
	var x gateway.NameWhy
	q := url.Values{"name": {c.Name}, "device": {c.Device}, "client": {c.Client}}
	if err := c.client().Get(e.ctx, "/dns/explain?"+q.Encode(), &x); err != nil {
		return err
	}
	return c.print(e.stdout, x, func() {
		fmt.Fprintln(e.stdout, x.Name+":", e.lang.Say(x.Reason, text.Args{"list": gateway.ListTitle(e.lang, x.List), "line": x.Line, "tool": x.Tool}))
		for _, s := range []struct{ code, value string }{{"page.why.for", x.DeviceName}, {"page.why.group", gateway.GroupTitle(e.lang, x.Group, x.GroupLabel)},
			{"page.why.hours", x.Hours.In(e.lang)}, {"page.why.entrance", x.Host}, {"page.why.alias", x.Via}, {"page.why.since", since(x.Since)}} {
			if s.value != "" {
				fmt.Fprintf(e.stdout, "  %s: %s\n", e.lang.Say(s.code, nil), s.value)
			}
		}
	})
}
