package disk

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"strings"
	"syscall"
	"testing"
	"time"

	"monban/gateway/bootslot"
	"monban/gateway/minisign"
	"monban/gateway/text"
	"monban/image"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

var (
	older = must(bootslot.ParseVersion("1.2.2"))
	old   = must(bootslot.ParseVersion("1.2.3"))
	next  = must(bootslot.ParseVersion("1.3.0"))

	key   = must(minisign.NewSecret(bytes.NewReader(bytes.Repeat([]byte{1}, 40))))
	roots = map[bootslot.Version][]byte{older: root("older"), old: root("old"), next: root("next")}
)

const rootSize = 5 * bootslot.BlockSize

// root is a file system and the top of its hash tree.
func root(seed string) []byte { return bytes.Repeat([]byte(seed + "-------")[:8], rootSize/8) }

// line is the kernel command line of a version.
func line(v bootslot.Version) string {
	top := roots[v][rootSize-bootslot.BlockSize:]
	return fmt.Sprintf("monban.root=%x monban.salt=%x monban.offset=%d", sha256.Sum256(append([]byte("salt"), top...)), "salt", rootSize-bootslot.BlockSize)
}

// ukiHead is a program for UEFI that holds no more than a command line of 512
// bytes (PE/COFF specification).
var ukiHead = func() []byte {
	b := make([]byte, 0x200)
	copy(b, "MZ")
	binary.LittleEndian.PutUint32(b[0x3c:], 0x40)
	copy(b[0x40:], "PE\x00\x00")
	binary.LittleEndian.PutUint16(b[0x44:], 0x8664)
	binary.LittleEndian.PutUint16(b[0x46:], 1)
	section := b[0x58:]
	copy(section, ".cmdline")
	binary.LittleEndian.PutUint32(section[8:], 512)
	binary.LittleEndian.PutUint32(section[16:], 512)
	binary.LittleEndian.PutUint32(section[20:], 0x200)
	return b
}()

// piece is the boot piece of a version.
func piece(board string, v bootslot.Version) []byte {
	if board == string(image.RPi) {
		return []byte(line(v) + "\x00")
	}
	return append(bytes.Clone(ukiHead), line(v)+strings.Repeat("\x00", 512-len(line(v)))...)
}

// pieces are what boots, by what is in it.
func pieces(board string) map[string]bootslot.Version {
	all := map[string]bootslot.Version{}
	for v := range roots {
		all[strings.TrimRight(string(piece(board, v)), "\x00")] = v
		all[string(piece(board, v))] = v
	}
	return all
}

func manifest(board string, v bootslot.Version, boot, root []byte) bootslot.Manifest {
	return bootslot.Manifest{Product: "monban", Board: board, Arch: "arm64", Version: v, Minimum: older,
		Made: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC),
		Boot: bootslot.Piece{Size: int64(len(boot)), SHA256: sha256.Sum256(boot)},
		Root: bootslot.Piece{Size: int64(len(root)), SHA256: sha256.Sum256(root)}}
}

func pack(m bootslot.Manifest, boot, root []byte) []byte {
	b := must(m.Encode())
	var out bytes.Buffer
	if err := bootslot.WriteUpdate(&out, b, key.Sign(b, "c"), bytes.NewReader(boot), bytes.NewReader(root)); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// update is one to the next version.
func update(board string) []byte {
	boot := piece(board, next)
	return pack(manifest(board, next, boot, roots[next]), boot, roots[next])
}

// sumOf is that of update's manifest.
func sumOf(board string, v bootslot.Version) bootslot.Sum {
	return sha256.Sum256(must(manifest(board, v, piece(board, v), roots[v]).Encode()))
}

// ready is a box whose next start tries the next version.
func ready(t *testing.T, board string) *box {
	t.Helper()
	b := factory(board, 1)
	for _, act := range []func() error{
		func() error { return slots(b, old).Install(bytes.NewReader(update(board)), bootslot.Sum{}) }, slots(b, old).Arm,
	} {
		if err := act(); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// factory is a box that runs old from slot a and has older in slot b.
func factory(board string, seed uint64) *box {
	b := newBox(board, seed)
	stored := func(b []byte) *content { return &content{now: bytes.Clone(b), lasts: bytes.Clone(b)} }
	for slot, v := range map[string]bootslot.Version{"a": old, "b": older} {
		room := make([]byte, 2*rootSize)
		copy(room, roots[v])
		b.parts["root-"+slot] = stored(room)
		if board == string(image.RPi) {
			fat := make([]byte, 1024)
			copy(fat, piece(board, v))
			b.parts["boot-"+slot] = stored(fat)
			b.names[path.Join(piDir, bootslot.Name(v, bootslot.Kept, piExt))] = stored(nil)
		} else {
			b.names[path.Join(uefiDir, bootslot.Name(v, bootslot.Kept, uefiExt))] = stored(piece(board, v))
		}
	}
	if board == string(image.RPi) {
		b.names[autoboot] = stored(bootslot.Autoboot(2, 3))
	}
	b.names["site.toml"] = stored([]byte("x"))
	return b
}

// slots are those of b while v runs.
func slots(b *box, v bootslot.Version) *Slots {
	return &Slots{Machine: b, Release: bootslot.Release{Product: "monban", Board: b.board, Arch: "arm64", Version: v}, Keys: []minisign.Key{key.Key()}}
}

func code(t testing.TB, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var f *text.Fault
	if !errors.As(err, &f) {
		t.Fatalf("no fault: %v", err)
	}
	for _, l := range []text.Lang{text.JA, text.EN} {
		if s := l.Say(f.Code, f.Args); s == f.Code || strings.ContainsAny(s, "{}") {
			t.Errorf("%s has no whole sentence: %s", f.Code, s)
		}
	}
	return f.Code
}

var boards = []string{string(image.UEFI), string(image.RPi)}

func status(t testing.TB, b *box, v bootslot.Version) string {
	t.Helper()
	before := b.steps
	s, err := slots(b, v).Status()
	if err != nil {
		t.Fatal(err)
	}
	if b.steps != before {
		t.Error("looking has changed something")
	}
	out := s.Slot
	for what, is := range map[string]bool{"trial": s.Trial, "armed": s.Armed} {
		if is {
			out += " " + what
		}
	}
	for _, v := range []struct {
		what string
		v    bootslot.Version
	}{{"waiting", s.Waiting}, {"other", s.Other}, {"failed", s.Failed}, {"left", s.Left}} {
		if !v.v.IsZero() {
			out += " " + v.what + "=" + v.v.String()
		}
	}
	for _, w := range s.Why {
		out += " why=" + w.Code
	}
	return out
}

// One update from its file to the night it is gone back from.
func TestRound(t *testing.T) {
	for _, board := range boards {
		t.Run(board, func(t *testing.T) {
			b, running := factory(board, 1), old
			ok := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			is := func(want string) {
				t.Helper()
				if got := status(t, b, running); got != want {
					t.Fatalf("%s, want %s", got, want)
				}
			}
			boots := func(want bootslot.Version) {
				t.Helper()
				v, err := b.boot(pieces(board))
				if err != nil || v != want {
					t.Fatalf("boots %s (%v), want %s", v, err, want)
				}
				running = v
			}
			is("a other=1.2.2")
			ok(slots(b, old).Install(bytes.NewReader(update(board)), bootslot.Sum{}))
			is("a waiting=1.3.0")
			boots(old)
			ok(slots(b, old).Arm())
			is("a armed waiting=1.3.0")
			ok(slots(b, old).Back(nil)) // second thoughts
			is("a waiting=1.3.0")
			ok(slots(b, old).Arm())
			ok(slots(b, old).Reboot())
			boots(next)
			is("b trial other=1.2.3")
			ok(slots(b, next).Begin())
			is("b trial other=1.2.3")
			if err := slots(b, next).Install(bytes.NewReader(pack(manifest(board, must(bootslot.ParseVersion("2.0.0")), piece(board, next), roots[next]), piece(board, next), roots[next])), bootslot.Sum{}); code(t, err) != "slot.on_trial" {
				t.Errorf("on trial: %v", err)
			}
			ok(slots(b, next).Back([]*text.Fault{text.NewFault("slot.trial.mute")})) // not healthy
			ok(slots(b, next).Reboot())
			boots(old)
			is("a failed=1.3.0 why=slot.trial.mute")
			ok(slots(b, old).Install(bytes.NewReader(update(board)), bootslot.Sum{})) // once more
			is("a waiting=1.3.0")
			ok(slots(b, old).Arm())
			ok(slots(b, old).Reboot())
			boots(next)
			ok(slots(b, next).Commit())
			is("b other=1.2.3")
			boots(next)
			ok(slots(b, next).Commit())
			ok(slots(b, next).Back(nil)) // a person wants the old one
			is("b other=1.2.3 left=1.3.0")
			if err := slots(b, next).Install(bytes.NewReader(pack(manifest(board, must(bootslot.ParseVersion("2.0.0")), piece(board, next), roots[next]), piece(board, next), roots[next])), bootslot.Sum{}); code(t, err) != "slot.leaving" {
				t.Errorf("leaving: %v", err)
			}
			ok(slots(b, next).Reboot())
			boots(old)
			want := "a left=1.3.0"
			if board == string(image.RPi) {
				want = "a left=1.3.0"
			}
			is(want)
			boots(old)
			if _, there := b.names["site.toml"]; !there {
				t.Error("what is not ours is gone")
			}
		})
	}
}

// What cannot be done is told, and what runs stays as it was.
func TestRefusals(t *testing.T) {
	for _, board := range boards {
		boot, rt := piece(board, next), roots[next]
		with := func(change func(*bootslot.Manifest)) []byte {
			m := manifest(board, next, boot, rt)
			change(&m)
			return pack(m, boot, rt)
		}
		big := make([]byte, 4*rootSize)
		other := piece(board, old)
		for want, c := range map[string]struct {
			update []byte
			change func(*box)
		}{
			"slot.cut":      {update: update(board)[:9000]},
			"slot.form":     {update: []byte("nonsense" + strings.Repeat(".", 1000))},
			"slot.board":    {update: with(func(m *bootslot.Manifest) { m.Board = "toaster" })},
			"slot.arch":     {update: with(func(m *bootslot.Manifest) { m.Arch = "amd64" })},
			"slot.product":  {update: with(func(m *bootslot.Manifest) { m.Product = "other" })},
			"slot.older":    {update: with(func(m *bootslot.Manifest) { m.Version = older })},
			"slot.same":     {update: with(func(m *bootslot.Manifest) { m.Version = old })},
			"slot.minimum":  {update: with(func(m *bootslot.Manifest) { m.Minimum = next })},
			"slot.too_big":  {update: pack(manifest(board, next, boot, big), boot, big)},
			"slot.mismatch": {update: pack(manifest(board, next, other, rt), other, rt)},
			"slot.full":     {change: func(b *box) { b.room = 1 << 20 }},
			"slot.no_idle":  {change: func(b *box) { delete(b.parts, "root-b") }},
			"slot.in_use":   {change: func(b *box) { b.inUse["root-b"] = true }},
			"slot.readback": {change: func(b *box) { b.failRead["root-b"] = true }},
			"slot.write":    {change: func(b *box) { b.failRaw = syscall.EIO }},
			"slot.lost": {change: func(b *box) {
				for name := range b.names {
					if strings.Contains(name, "1.2.3") {
						delete(b.names, name)
					}
				}
			}},
			"slot.esp": {change: func(b *box) { b.names[autoboot] = &content{now: []byte("x"), lasts: []byte("x")} }},
		} {
			if want == "slot.esp" && board == string(image.UEFI) || want == "slot.lost" && board == string(image.RPi) {
				continue // there is no such file; autoboot.txt puts the name right
			}
			b := factory(board, 1)
			if c.change != nil {
				c.change(b)
			}
			if c.update == nil {
				c.update = update(board)
			}
			if got := code(t, slots(b, old).Install(bytes.NewReader(c.update), bootslot.Sum{})); got != want {
				t.Errorf("%s: %q, want %q", board, got, want)
			}
			if want == "slot.lost" || want == "slot.esp" {
				continue
			}
			if err := slots(b, old).Arm(); code(t, err) != "slot.nothing_waiting" {
				t.Errorf("%s: after %s something waits: %v", board, want, err)
			}
			if v, err := b.boot(pieces(board)); err != nil || v != old {
				t.Errorf("%s: after %s boots %s (%v)", board, want, v, err)
			}
		}
	}
}

// What somebody has approved is one update, not a version. Another one is
// refused before anything is written, and what waits is known by its manifest.
func TestAnotherOne(t *testing.T) {
	for _, board := range boards {
		b, boot, rt := factory(board, 1), piece(board, next), roots[next]
		m := manifest(board, next, boot, rt)
		m.Notes.JA = "別のもの"
		if err := slots(b, old).Install(bytes.NewReader(pack(m, boot, rt)), sumOf(board, next)); code(t, err) != "slot.other" || b.steps != 0 {
			t.Errorf("%s: %v, %d steps", board, err, b.steps)
		}
		if got := status(t, b, old); got != "a other=1.2.2" {
			t.Errorf("%s: %s", board, got)
		}
		if err := slots(b, old).Install(bytes.NewReader(update(board)), sumOf(board, next)); err != nil {
			t.Errorf("%s: %v", board, err)
		}
		if st, err := slots(b, old).Status(); err != nil || st.Waiting != next || st.Sum != sumOf(board, next) {
			t.Errorf("%s: %+v, %v", board, st, err)
		}
		if err := slots(b, old).Install(bytes.NewReader(pack(m, boot, rt)), bootslot.Sum{}); err != nil {
			t.Errorf("%s: %v", board, err)
		}
		if st, err := slots(b, old).Status(); err != nil || st.Waiting != next || st.Sum != sha256.Sum256(must(m.Encode())) {
			t.Errorf("%s: %+v, %v", board, st, err)
		}
	}
}

func TestUnsigned(t *testing.T) {
	b := factory("uefi", 1)
	s := slots(b, old)
	stranger := must(minisign.NewSecret(bytes.NewReader(bytes.Repeat([]byte{2}, 40))))
	s.Keys = []minisign.Key{stranger.Key()}
	if err := s.Install(bytes.NewReader(update("uefi")), bootslot.Sum{}); code(t, err) != "slot.stranger" || b.steps != 0 {
		t.Errorf("%v, %d steps", err, b.steps)
	}
	m := must(manifest("uefi", next, piece("uefi", next), roots[next]).Encode())
	if _, err := s.Check(m, key.Sign(m, "c")); code(t, err) != "slot.stranger" {
		t.Error(err)
	}
	if got, err := slots(b, old).Check(m, key.Sign(m, "c")); err != nil || got.Version != next {
		t.Error(got, err)
	}
}

// Nobody goes back to what cannot start.
func TestNoWayBack(t *testing.T) {
	for _, board := range boards {
		b := factory(board, 1)
		clear(b.parts["root-b"].now)
		clear(b.parts["root-b"].lasts)
		if err := slots(b, old).Back(nil); code(t, err) != "slot.unfit" {
			t.Errorf("%s: %v", board, err)
		}
		if v, err := b.boot(pieces(board)); err != nil || v != old {
			t.Errorf("%s: boots %s (%v)", board, v, err)
		}
	}
}

// A new Pi, written by a PC: autoboot.txt is all there is.
func TestPiWithoutNames(t *testing.T) {
	b := factory("rpi", 1)
	for name := range b.names {
		if strings.HasPrefix(name, piDir) {
			delete(b.names, name)
		}
	}
	if got := status(t, b, old); got != "a" {
		t.Error(got)
	}
	through(t, b, old, next)
	if got := status(t, b, next); got != "b other=1.2.3" {
		t.Error(got)
	}
}

// What a Pi is told by a restart of another's is nothing.
func TestPiRestartedByOthers(t *testing.T) {
	b := factory("rpi", 1)
	s := slots(b, old)
	for _, err := range []error{s.Install(bytes.NewReader(update("rpi")), bootslot.Sum{}), s.Arm()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if v, err := b.boot(pieces("rpi")); err != nil || v != old {
		t.Errorf("%s (%v)", v, err)
	}
	if got := status(t, b, old); got != "a armed waiting=1.3.0" {
		t.Error(got)
	}
}
