package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"monban/gateway/run"
	"monban/gateway/text"
)

// A lab is the running pretend clinic, in the process that owns it.
type lab struct {
	o     Options
	group *run.Group

	mu      sync.Mutex // adding, and writing lab.json
	members []*member  // in the order of site, then as added
	added   int
}

// build makes the lab and runs it until ctx ends; it needs the right to make
// namespaces. door is the listener outside.
func build(ctx context.Context, o Options, door *os.File) error {
	if err := writeFiles(o); err != nil {
		return err
	}
	defer cleanFiles(o.Dir)
	// The hosts outlive ctx by the moment the daemon gets to end well.
	group, hosts := run.NewGroup(context.WithoutCancel(ctx))
	l := &lab{o: o, group: group}
	group.Go("lab", func(context.Context) error {
		err := l.life(ctx, hosts, door)
		if err == nil {
			err = errEnded
		}
		return err
	})
	if err := group.Wait(); !errors.Is(err, errEnded) {
		return lifted(err)
	}
	return nil
}

// lifted takes a Fault out of the task names around it: they are for logs.
func lifted(err error) error {
	var f *text.Fault
	if errors.As(err, &f) {
		return f
	}
	return err
}

// life builds, says ready, waits for the end and ends the daemon.
func (l *lab) life(ctx, hosts context.Context, door *os.File) error {
	both, cancel := context.WithCancel(hosts)
	defer cancel()
	stop := context.AfterFunc(ctx, cancel)
	defer stop()
	if err := l.raise(both, door); err != nil {
		if ctx.Err() != nil { // asked to end while building
			return nil
		}
		return err
	}
	<-both.Done()
	if ctx.Err() == nil {
		return nil // a host failed, which the group knows
	}
	end, cancelEnd := context.WithTimeout(hosts, 3*stopWithin)
	defer cancelEnd()
	if gw := l.gateway(); gw != nil {
		_ = gw.order(end, order{Op: "stop"}) // its namespace ends it otherwise
	}
	return nil
}

// raise builds everything, in the order a clinic would be switched on.
func (l *lab) raise(ctx context.Context, door *os.File) error {
	for _, h := range site() {
		if _, err := l.admit(h); err != nil {
			return err
		}
	}
	gw := l.member(gatewayName)
	var lan []netip.Addr
	for _, p := range gw.host.Ports[1].Addrs {
		lan = append(lan, p.Addr())
	}
	// Stage 0 comes before any link.
	err := gw.order(ctx, order{Op: "gate", Site: &gateSite{Program: l.o.Program, Dir: l.o.Dir, Lang: l.o.Lang, LAN: lan}})
	if err != nil {
		return err
	}
	// The switch comes before its cables, so that no port of it ever has an
	// address and shows as a device.
	if err := l.settle(ctx, l.member("switch")); err != nil {
		return err
	}
	for _, m := range l.members {
		if err := l.wireUp(m); err != nil {
			return err
		}
	}
	for _, m := range l.members {
		if m.host.Switch {
			continue
		}
		if err := l.settle(ctx, m); err != nil {
			return err
		}
	}
	if err := gw.order(ctx, order{Op: "start"}); err != nil {
		return err
	}
	page := netip.AddrPortFrom(lan[0], 443)
	if err := l.member(receptionist).order(ctx, order{Op: "forward", To: page.String()}, door); err != nil {
		return err
	}
	door.Close()
	if err := l.writeLabFile(); err != nil {
		return err
	}
	l.acquaint(ctx)
	if err := l.listen(); err != nil {
		return err
	}
	l.welcome()
	return nil
}

// acquaint waits until the gateway knows its devices, for a while: a lab whose
// gateway is broken must come up too.
func (l *lab) acquaint(ctx context.Context) {
	f, err := ReadFile(l.o.Dir)
	if err != nil || l.o.Known == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	l.o.Known(ctx, f)
}

// welcome prints the one line scripts wait for, then what a person does next.
func (l *lab) welcome() {
	code := setupCode(l.o.Dir)
	next := "lab.next"
	if code == "" {
		next = "lab.next_again"
	}
	fmt.Fprintf(l.o.Out, "lab: ready %s\n", l.url())
	fmt.Fprintln(l.o.Out, l.o.Lang.Say(next, text.Args{"url": l.url(), "code": code, "dir": l.o.Dir,
		"monban": l.o.Program, "ca": caFile(l.o.Dir)}))
}

// admit starts the agent of h and makes it a member.
func (l *lab) admit(h host) (*member, error) {
	if h.Resolv != "" {
		h.Resolv = resolvFile(l.o.Dir, h.Resolv)
	}
	m, err := newMember(l.o, h)
	if err != nil {
		return nil, err
	}
	m.attend(l.group)
	l.members = append(l.members, m)
	return m, nil
}

// wireUp lays the cables that begin at m.
func (l *lab) wireUp(m *member) error {
	for _, p := range m.host.Ports {
		if p.To == "" {
			continue
		}
		far := l.member(p.To)
		there := port{Name: p.ToPort}
		if i := slices.IndexFunc(far.host.Ports, func(q port) bool { return q.Name == p.ToPort }); i >= 0 {
			there = far.host.Ports[i]
		}
		if err := cable(p, m.pid(), there, far.pid()); err != nil {
			return err
		}
	}
	return nil
}

// settle has m become its host, and the switch take its port.
func (l *lab) settle(ctx context.Context, m *member) error {
	for _, p := range m.host.Ports {
		if p.To == "switch" {
			if err := l.member("switch").order(ctx, order{Op: "join", To: p.ToPort}); err != nil {
				return err
			}
		}
	}
	if err := m.order(ctx, order{Op: "become", Host: &m.host}); err != nil {
		return fmt.Errorf("setting up %s: %w", m.host.Name, err)
	}
	return nil
}

// member returns the named host, nil if there is none.
func (l *lab) member(name string) *member {
	for _, m := range l.members {
		if m.host.Name == name {
			return m
		}
	}
	return nil
}

// writeFiles puts into the lab's directory what is not there yet: a site.toml
// and a list people changed stay as they are.
func writeFiles(o Options) error {
	cleanFiles(o.Dir)
	for _, d := range []string{stateDir(o.Dir), filepath.Dir(listFile(o.Dir))} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return fmt.Errorf("making the lab's directories: %w", err)
		}
	}
	for name, content := range map[string]string{
		configFile(o.Dir): string(o.Config),
		listFile(o.Dir): "# The lab's block list.\n0.0.0.0 " + BlockedName + "\n" +
			"0.0.0.0 ads.lab.example\n0.0.0.0 tracker.lab.example # with a remark\n",
		resolvFile(o.Dir, "inside"):  "nameserver 192.168.10.1\nnameserver fdc1:1c:10::1\n",
		resolvFile(o.Dir, "outside"): "nameserver 198.51.100.153\nnameserver 2001:db8:0:4::153\n",
	} {
		if _, err := os.Stat(name); err == nil {
			continue
		}
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			return fmt.Errorf("writing the lab's files: %w", err)
		}
	}
	return nil
}

// cleanFiles removes what only a running lab has.
func cleanFiles(dir string) {
	for _, f := range []string{labFile(dir), labSocket(dir), controlSocket(dir), selftestSocket(dir)} {
		_ = os.Remove(f) // mostly not there
	}
}

// setupCode is the code of the first account, empty once it is used.
func setupCode(dir string) string {
	b, err := os.ReadFile(filepath.Join(stateDir(dir), "setup-code"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// add plugs one more device into the LAN. It returns when the device is on
// the network and in lab.json.
func (l *lab) add(ctx context.Context, name string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !deviceName.MatchString(name) {
		return text.NewFault("lab.bad_name", "name", name)
	}
	if l.member(name) != nil {
		return text.NewFault("lab.host_exists", "name", name)
	}
	h, ok := added(name, l.added)
	if !ok {
		return text.NewFault("lab.full")
	}
	m, err := l.admit(h)
	if err != nil {
		return err
	}
	l.added++
	if err := l.wireUp(m); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := l.settle(ctx, m); err != nil {
		return err
	}
	return l.writeLabFile()
}
