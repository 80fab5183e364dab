package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"monban/dnsfilter/subscribe"
	"monban/gateway/bootslot"
	"monban/gateway/text"
)

// fakeSlots is a box's two slots. What is armed runs after restarts; the test
// says what becomes of it.
type fakeSlots struct {
	mu     sync.Mutex
	st     bootslot.Status
	fail   map[string]error
	asked  []string
	during func()    // runs while an update is written
	hangs  string    // what is done, and answered when nobody waits any more
	spent  time.Time // … which is then
}

// late says that the service answers too late. Who had to be waited for to the
// end of his time leaves none to what has to be done by the same time.
func (s *fakeSlots) late(ctx context.Context, what string) error {
	end, ok := ctx.Deadline()
	if ok && s.hangs == what {
		s.spent = end
	}
	if ok && !end.After(s.spent) || ctx.Err() != nil {
		return text.NewFault("slot.out_of_time")
	}
	return nil
}

func (s *fakeSlots) does(what string) error {
	s.asked = append(s.asked, what)
	return s.fail[what]
}

func (s *fakeSlots) Status(context.Context) (bootslot.Status, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.st, s.fail["Status"]
}

func (s *fakeSlots) Check(_ context.Context, manifest, signature []byte) (bootslot.Manifest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if string(signature) != "good" {
		return bootslot.Manifest{}, text.NewFault("slot.signature")
	}
	m, err := bootslot.ParseManifest(manifest)
	if err != nil {
		return m, text.NewFault("slot.manifest").Because(err)
	}
	return m, bootslot.Verdict(s.st.Release, m)
}

func (s *fakeSlots) Install(ctx context.Context, size int64, want bootslot.Sum, file io.Reader) error {
	s.mu.Lock()
	during := s.during
	err := s.does("Install")
	s.mu.Unlock()
	if err != nil {
		return err
	}
	if during != nil {
		during()
	}
	b, err := io.ReadAll(io.LimitReader(file, size))
	if err != nil || int64(len(b)) != size {
		return text.NewFault("slot.cut").Because(err)
	}
	manifest, signature, err := bootslot.Head(bytes.NewReader(b))
	if err != nil {
		return err
	}
	m, err := s.Check(ctx, manifest, signature)
	if err != nil {
		return err
	}
	if sum := bootslot.Sum(sha256.Sum256(manifest)); sum != want {
		return text.NewFault("slot.other", "version", m.Version.String())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.st.Waiting, s.st.Sum, s.st.Armed, s.st.Other, s.st.Failed = m.Version, want, false, bootslot.Version{}, bootslot.Version{}
	return nil
}

func (s *fakeSlots) Arm(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.does("Arm")
	s.st.Armed = err == nil
	return errors.Join(err, s.late(ctx, "Arm"))
}

// Back gives up what runs where nothing is armed, as the real one does.
func (s *fakeSlots) Back(ctx context.Context, _ []*text.Fault) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := errors.Join(s.does("Back"), s.late(ctx, "Back"))
	if err != nil {
		return err
	}
	if !s.st.Armed {
		s.st.Left = s.st.Release.Version
	}
	s.st.Armed = false
	return nil
}

func (s *fakeSlots) Reboot(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.does("Reboot"), s.late(ctx, "Reboot"))
}

// restarts is what the loader does: it tries what is armed.
func (s *fakeSlots) restarts() {
	if s.st.Armed {
		s.st.Release.Version, s.st.Other, s.st.Waiting = s.st.Waiting, s.st.Release.Version, bootslot.Version{}
		s.st.Sum, s.st.Armed, s.st.Trial, s.st.Slot = bootslot.Sum{}, false, true, "b"
	}
}

// falls is the next start after a trial that was not kept.
func (s *fakeSlots) falls(why ...*text.Fault) {
	s.st.Failed, s.st.Release.Version, s.st.Other = s.st.Release.Version, s.st.Other, bootslot.Version{}
	s.st.Trial, s.st.Slot, s.st.Why = false, "a", why
}

func (s *fakeSlots) did(what string) (n int) {
	for _, a := range s.asked {
		if a == what {
			n++
		}
	}
	return n
}

func version(s string) bootslot.Version {
	v, err := bootslot.ParseVersion(s)
	if err != nil {
		panic(err)
	}
	return v
}

// update is an update file, and its manifest.
func update(v string) (file, manifest []byte) { return noted(v, "速くなりました。") }

// noted is the update to v whose makers say this of it.
func noted(v, notes string) (file, manifest []byte) {
	boot, root := bytes.Repeat([]byte("b"), 700), bytes.Repeat([]byte("r"), 4096)
	m := bootslot.Manifest{Product: "monban", Board: "uefi", Arch: "amd64", Version: version(v), Minimum: version("0.0.1"), Made: noon.Add(-24 * time.Hour),
		Root: bootslot.Piece{Size: int64(len(root)), SHA256: sha256.Sum256(root)}, Boot: bootslot.Piece{Size: int64(len(boot)), SHA256: sha256.Sum256(boot)},
		Notes: bootslot.Notes{JA: notes, EN: "Faster."}}
	manifest, err := m.Encode()
	if err != nil {
		panic(err)
	}
	var b bytes.Buffer
	if err := bootslot.WriteUpdate(&b, manifest, []byte("good"), bytes.NewReader(boot), bytes.NewReader(root)); err != nil {
		panic(err)
	}
	return b.Bytes(), manifest
}

// updateServer is where updates come from.
type updateServer struct {
	files map[string]string // by the end of the address
	err   error
	asked []string
}

func (s *updateServer) Fetch(_ context.Context, src subscribe.Source, _ subscribe.Seen, w io.Writer) (subscribe.Got, error) {
	name := strings.TrimPrefix(src.URL, "https://updates.example.com/monban/")
	s.asked = append(s.asked, name)
	file, ok := s.files[name]
	if !ok {
		return subscribe.Got{}, text.NewFault("list.fetch_status", "list", "-", "status", 404)
	}
	if s.err != nil {
		io.WriteString(w, file[:len(file)/2])
		return subscribe.Got{}, s.err
	}
	_, err := io.WriteString(w, file)
	return subscribe.Got{}, err
}

func (s *updateServer) has(v string) { s.hasAs(v, "速くなりました。") }

func (s *updateServer) hasAs(v, notes string) {
	file, manifest := noted(v, notes)
	s.files = map[string]string{"manifest": string(manifest), "manifest.minisig": "good", "monban_" + v + "_uefi_amd64.update": string(file)}
}

// A firmBox is a box that runs 0.1.0 from an image.
type firmBox struct {
	*box
	slots  *fakeSlots
	server *updateServer
	boots  int
}

func newFirmBox(t *testing.T) *firmBox {
	b := &firmBox{box: newBox(t), slots: &fakeSlots{fail: map[string]error{}}, server: &updateServer{}}
	b.slots.st = bootslot.Status{Release: bootslot.Release{Product: "monban", Board: "uefi", Arch: "amd64", Version: version("0.1.0")}, Slot: "a"}
	up := func(string) (Link, error) { return Link{Up: true, Carrier: true}, nil }
	ok := func(context.Context, netip.Addr) error { return nil }
	b.o.Slots, b.o.Updates, b.o.Probe = b.slots, b.server, Probe{Link: up, Names: ok, Page: ok}
	local := b.o.LocalAddrs
	b.o.LocalAddrs = func(iface string) ([]netip.Addr, error) {
		as, err := local(iface)
		if iface != "wan0" {
			as = append(as, netip.MustParseAddr("fdc1:1c:10::1"), netip.MustParseAddr("2001:db8:10::1"))
		}
		return as, err
	}
	b.edit("[tools]", "[update]\naddress = \"https://updates.example.com/monban/\"\n\n[tools]")
	b.start()
	b.turn()
	return b
}

func (b *firmBox) turn() {
	b.t.Helper()
	b.firmwareTurn(b.t.Context())
}

// boot is a new start of the machine, whatever the reason.
func (b *firmBox) boot() {
	b.t.Helper()
	b.kill()
	b.boots++
	b.o.BootID = fmt.Sprintf("boot-%d", b.boots+1)
	b.start()
	b.turn()
}

// at sets the clinic's clocks.
func (b *firmBox) at(hour, minute int) {
	w := b.o.Clock.Wall().In(b.Zone())
	next := time.Date(w.Year(), w.Month(), w.Day(), hour, minute, 0, 0, w.Location())
	if next.Before(w) {
		next = next.AddDate(0, 0, 1)
	}
	b.time.pass(next.Sub(w))
}

func (b *firmBox) firmware() Firmware {
	b.t.Helper()
	v, err := b.Firmware(b.t.Context(), staff)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// offered has the server offer a version, and the box find it.
func (b *firmBox) offered(v string) string {
	b.t.Helper()
	b.server.has(v)
	b.time.pass(26 * time.Hour)
	b.turn()
	o := b.firmware().Offer
	if o == nil || o.Version != v {
		b.t.Fatalf("%s is not offered: %+v", v, b.firmware())
	}
	return o.Sum
}

func (b *firmBox) approved(v string) string {
	b.t.Helper()
	sum := b.offered(v)
	if err := b.ApproveFirmware(b.t.Context(), b.director(), sum); err != nil {
		b.t.Fatal(err)
	}
	return sum
}
