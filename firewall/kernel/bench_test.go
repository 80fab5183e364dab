package kernel_test

import (
	"testing"
	"time"

	"monban/firewall"
)

func BenchmarkApply(b *testing.B) {
	k := open(b)
	rs := compile(b, policy())
	for b.Loop() {
		if err := k.Apply(rs); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenWindow(b *testing.B) {
	k := open(b)
	if err := k.Apply(compile(b, policy())); err != nil {
		b.Fatal(err)
	}
	o := firewall.Opening{Mark: 1, For: time.Minute, Passes: []firewall.Pass{way(firewall.TCP, false), way(firewall.TCP, true)}}
	for b.Loop() {
		if _, err := k.OpenWindow(o); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if _, err := k.CloseWindow(1); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func BenchmarkCloseWindow(b *testing.B) {
	k := open(b)
	if err := k.Apply(compile(b, policy())); err != nil {
		b.Fatal(err)
	}
	o := firewall.Opening{Mark: 1, For: time.Minute, Passes: []firewall.Pass{way(firewall.TCP, false), way(firewall.TCP, true)}}
	for b.Loop() {
		b.StopTimer()
		if _, err := k.OpenWindow(o); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if _, err := k.CloseWindow(1); err != nil {
			b.Fatal(err)
		}
	}
}
