package webui

// For the tests of what turns text into values and back.
var (
	ParseClock = parseClock
	Verbatim   = verbatim
)
