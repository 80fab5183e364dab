package dnsfilter

import (
	"time"

	"monban/dnsfilter/list"
)

// A Group is what holds for some devices.
type Group struct {
	Name  string     // for people
	Lists list.Lists // of Policy.List, at all times
}

// lists are those in force at that time.
func (g *Group) lists(at time.Time) list.Lists { return g.Lists }
