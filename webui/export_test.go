package webui

import "monban/gateway/people"

// Anyone marks the routes without an account.
const Anyone = anyone

// A Way is a route as the tests see it.
type Way struct {
	Method, Path string
	Act          people.Act
}

// Ways is the whole table of a page over a gateway with further people.
func Ways(o Options) []Way {
	s := &site{Options: o}
	s.staffing, _ = o.Gateway.(Staffing)
	var all []Way
	for _, r := range s.routes() {
		all = append(all, Way{r.method, r.path, r.act})
	}
	return all
}

// For the tests of what turns text into values and back.
var (
	ParseLength  = parseLength
	ParsePorts   = parsePorts
	ParseTargets = parseTargets
	ParseStart   = parseStart
	PlainText    = plain
	QRPath       = qrPath
)
