package bypass

import "strings"

// A Set finds services by name. It does not change; the zero Set knows none.
type Set struct {
	names map[string]*Service // with all below, if it begins with a dot
}

// NewSet returns the Set of what is built in.
func NewSet() *Set {
	s := &Set{names: map[string]*Service{}}
	all := Services()
	for i := range all {
		for _, n := range all[i].Names {
			s.names[n] = &all[i]
		}
	}
	return s
}

// ByName finds the service of a canonical name.
func (s *Set) ByName(name string) (Service, bool) {
	if s == nil || name == "" {
		return Service{}, false
	}
	if of := s.names[name]; of != nil {
		return *of, true
	}
	// The keys with all below begin with a dot: ".example.com".
	for rest := "." + name; rest != ""; {
		if of := s.names[rest]; of != nil {
			return *of, true
		}
		i := strings.IndexByte(rest[1:], '.')
		if i < 0 {
			break
		}
		rest = rest[1+i:]
	}
	return Service{}, false
}
