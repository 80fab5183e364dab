package main

import (
	"errors"
	"fmt"

	"monban/gateway/text"
)

// report prints err for a person and returns the exit status it means.
func report(err error, e *env) int {
	var status exitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	}
	printError(err, e)
	return 1
}

// printError prints each joined error on a line of its own; Faults in the
// chosen language.
func printError(err error, e *env) {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range many.Unwrap() {
			printError(one, e)
		}
		return
	}
	var f *text.Fault
	if !errors.As(err, &f) {
		fmt.Fprintln(e.stderr, "monban:", err)
		return
	}
	s := e.lang.Say(f.Code, f.Args)
	if f.Field != "" {
		s = f.Field + ": " + s
	}
	fmt.Fprintln(e.stderr, "monban:", s)
	if f.Err != nil {
		fmt.Fprintln(e.stderr, "  ("+f.Err.Error()+")")
	}
}
