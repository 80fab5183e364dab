package checklist

import (
	"time"

	"monban/gateway/text"
)

// A Result is what a measurement said.
type Result string

// The results.
const (
	Pass    Result = "pass"
	Fail    Result = "fail"
	Unknown Result = "unknown" // tried, and could not tell
	NA      Result = "na"      // there is nothing to measure
)

// Evidence is the outcome of one measurement, or for documents (E-21, E-23) of
// a person's entry.
type Evidence struct {
	Code       string    `json:"code"` // "E-01"
	Result     Result    `json:"result"`
	At         time.Time `json:"at"`
	Synced     bool      `json:"synced"` // whether the clock was worth something then
	ValidUntil time.Time `json:"valid_until"`
	// Seen are the observed values, each a sentence of the catalogue.
	Seen     []Observation `json:"seen"`
	Revision string        `json:"revision,omitempty"` // of the configuration in force
}

// An Observation is one observed value.
type Observation struct {
	Code string    `json:"code"`
	Args text.Args `json:"args,omitempty"`
	Bad  bool      `json:"bad,omitempty"` // this is why the result is not Pass
}
