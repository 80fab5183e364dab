package gateway

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"monban/gateway/text"
	"monban/image"
)

// Every outcome of the boot has its sentence, also when the reason is one that
// this version does not know.
func TestDataNotes(t *testing.T) {
	for _, c := range []struct {
		data image.DataState
		want string
	}{
		{image.DataState{}, "[]"},
		{image.DataState{State: image.DataOK, New: true}, "[]"},
		{image.DataState{State: image.DataOK, New: true, Reset: true}, "[{data.reset info map[] }]"},
		{image.DataState{State: image.DataRepaired}, "[{data.repaired danger map[] }]"},
		{image.DataState{State: image.DataVolatile, Why: "data.tpm"}, "[{data.volatile danger map[why:data.tpm] }]"},
		{image.DataState{State: image.DataVolatile, Why: "odd"}, "[{data.volatile danger map[why:odd] }]"},
	} {
		g := &Gateway{o: Options{Data: c.data}}
		notes := g.dataNotes()
		if got := fmt.Sprint(notes); got != c.want {
			t.Errorf("%+v: got %s, want %s", c.data, got, c.want)
		}
		for _, n := range notes {
			if said := text.JA.Say(n.Code, n.Args); strings.HasPrefix(said, "data.") || strings.Contains(said, "{") || strings.Contains(said, "data.") {
				t.Errorf("%+v is said as %q", n, said)
			}
		}
	}
}

// A new version that finds no partition for records does not stay: the one
// before may open it.
func TestVolatileIsNotHealthy(t *testing.T) {
	g := &Gateway{o: Options{Data: image.DataState{State: image.DataVolatile, Why: "data.locked"}}}
	var f *text.Fault
	if err := g.databaseHealth(t.Context()); !errors.As(err, &f) || f.Code != "data.locked" {
		t.Errorf("got %v", err)
	}
}
