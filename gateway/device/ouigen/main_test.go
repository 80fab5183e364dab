package main

import (
	"testing"

	"monban/gateway/device"
)

func TestBuildReadsBack(t *testing.T) {
	b, err := build(map[string]string{
		"0010AA":    "Alpha\nStreet 1\nJapan",
		"0010AB":    "IEEE Registration Authority\nUS",
		"0010AB1":   "Beta\u3000Ltd.",
		"0010AB234": "Gamma",
		"0010AC":    "Private",
	})
	if err != nil {
		t.Fatal(err)
	}
	for m, want := range map[device.MAC]string{
		{0, 0x10, 0xaa, 0, 0, 1}:       "Alpha",
		{0, 0x10, 0xab, 0x1f, 0, 1}:    "Beta Ltd.",
		{0, 0x10, 0xab, 0x23, 0x4f, 1}: "Gamma",
		{0, 0x10, 0xab, 0x23, 0x50, 1}: "",
		{0, 0x10, 0xac, 0, 0, 1}:       "",
		{0xff}:                         "",
	} {
		if got := device.Makers(b).Of(m); got != want {
			t.Errorf("%v: %q, want %q", m, got, want)
		}
	}
	for _, bad := range []string{"0010A", "0010AX"} {
		if _, err := build(map[string]string{bad: "x"}); err == nil {
			t.Errorf("prefix %q is accepted", bad)
		}
	}
}
