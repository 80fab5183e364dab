// Package tools knows the remote-support tools there are, the names they ask
// for, and how much a name says about the use of its tool.
//
// It is data and look-ups and decides nothing: package dnsfilter says what
// becomes of a name. The data is tools.json, reviewed name by name; its head
// says where it is from.
package tools

import (
	"slices"
)

// A Class says how much a look-up of a name tells about the use of its tool.
type Class string

// The classes.
const (
	Block   Class = "block"   // the tool's own: refusing it hurts nothing else
	Observe Class = "observe" // mostly the tool, but something people need may hang on it
	Shared  Class = "shared"  // used for so much else that it accuses nobody; never refused
)

// Code is the class's word in the catalogue of sentences.
func (c Class) Code() string { return "tool.class." + string(c) }

// A Tool is one product, whatever number of editions and former names it has.
type Tool struct {
	Name    string   // what people know it by; no other tool has it
	Also    []string // other names the source lists it under
	Website string   // may be empty
	Domains []Domain // sorted from the top of the name space down; may be empty
	Ports   []uint16 // that it uses outside, for people to read; may be empty
	// Shared says that no name of it is of another class, or that it has none:
	// whether it is used cannot be seen by name, and not be prevented.
	Shared bool
}

// A Domain is a name that a tool asks for.
type Domain struct {
	Name  string // lower-case ASCII, no dot at the end
	Below bool   // it stands for all below it as well
	Class Class
	Of    string // the tool it belongs to, if that is another one
	Added bool   // not in the source but of our own knowledge
	Why   string // why it is here or in this class; may be empty with Block
}

// String is the name as the data file writes it: with "*." if it stands for
// all below it as well.
func (d Domain) String() string {
	if d.Below {
		return "*." + d.Name
	}
	return d.Name
}

// A Set is all tools. It does not change, so any number of goroutines may read
// it; a nil Set is empty.
type Set struct {
	tools []Tool
	index map[string]int // of a tool in tools, by its name
	nodes map[string]*node
	// deepest is how many labels the longest name has.
	deepest int
}

// A node is a name that a tool lists, or the last two labels of one.
type node struct {
	class Class // empty: no tool lists it
	below bool
	owner int   // the tool it belongs to, in tools
	users []int // the tools that list it
}

// Tools returns the tools, sorted by name without regard to case.
func (s *Set) Tools() []Tool {
	if s == nil {
		return nil
	}
	return slices.Clone(s.tools)
}

// Tool returns the tool of that name.
func (s *Set) Tool(name string) (Tool, bool) {
	if s == nil {
		return Tool{}, false
	}
	i, ok := s.index[name]
	if !ok {
		return Tool{}, false
	}
	return s.tools[i], true
}

// Names returns the names that are answered in a window for the tool and not
// otherwise, or only with a remark: its domains but the shared ones, written
// as Domain.String does.
func (s *Set) Names(tool string) []string {
	t, _ := s.Tool(tool)
	var names []string
	for _, d := range t.Domains {
		if d.Class != Shared {
			names = append(names, d.String())
		}
	}
	return names
}
