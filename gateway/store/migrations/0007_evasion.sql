-- Ways around the name filter, by day in the clinic's zone.
CREATE TABLE evasion (
	day     TEXT NOT NULL CHECK (length(day) = 10),
	device  TEXT NOT NULL,
	kind    TEXT NOT NULL,
	n       INTEGER NOT NULL,
	stopped INTEGER NOT NULL,
	first   INTEGER NOT NULL,
	last    INTEGER NOT NULL,
	what    TEXT NOT NULL CHECK (json_valid(what)),
	PRIMARY KEY (day, device, kind)
) STRICT, WITHOUT ROWID;
