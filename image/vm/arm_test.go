package vm_test

import (
	"testing"
)

// The other architecture: boot, DNS, traffic, a window, what the product asks of
// a kernel, one update.
func TestBoxARM(t *testing.T) {
	all(t)
	m := newMachine(t, "arm64", built(t, "arm64", first, ".img"))
	plugged(t, m)
	outside(t, m)
	m.put("site.toml", site(t))
	m.hook()
	files := compiled(t, "arm64")
	files["good.update"] = built(t, "arm64", second, ".update")
	m.give(files)
	m.on()
	m.started()
	s := m.shell(bootTime)
	testTraffic(t, m)
	times(t, s)
	testWindow(t, m, s)
	testKernel(t, s, "arm64")
	m.goodUpdate(s)
}
