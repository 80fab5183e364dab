-- Names the clinic wants in spite of a list: asked for, allowed, over.

CREATE TABLE name_allow (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	name       TEXT NOT NULL,
	mac        TEXT NOT NULL, -- of the one device it is for; '': all
	reason     TEXT NOT NULL,
	asked_by   TEXT NOT NULL CHECK (json_valid(asked_by)),
	asked      INTEGER NOT NULL,
	allowed_by TEXT CHECK (allowed_by IS NULL OR json_valid(allowed_by)),
	allowed    INTEGER, -- NULL while nobody has answered
	until      INTEGER, -- NULL: for good
	boot_id    TEXT NOT NULL,
	until_boot INTEGER NOT NULL, -- nanoseconds of that boot's clock
	ended_by   TEXT CHECK (ended_by IS NULL OR json_valid(ended_by)),
	ended      INTEGER, -- NULL while it is in force, or waits for an answer
	how        TEXT NOT NULL CHECK (how IN ('', 'ran_out', 'taken_back', 'declined'))
) STRICT;
CREATE INDEX name_allow_now ON name_allow (id) WHERE ended IS NULL;

-- Questions for names added up, by hour since 1970 and device (its hardware
-- address, or the bare address of one nobody knows).
CREATE TABLE name_hour (
	hour    INTEGER NOT NULL,
	device  TEXT NOT NULL,
	asked   INTEGER NOT NULL,
	refused INTEGER NOT NULL,
	reasons TEXT NOT NULL CHECK (json_valid(reasons)), -- of what was refused
	PRIMARY KEY (hour, device)
) STRICT, WITHOUT ROWID;

-- The names asked for most, by day in the clinic's zone and device.
CREATE TABLE name_top (
	day     TEXT NOT NULL CHECK (length(day) = 10),
	device  TEXT NOT NULL,
	name    TEXT NOT NULL,
	asked   INTEGER NOT NULL,
	refused INTEGER NOT NULL,
	PRIMARY KEY (day, device, name)
) STRICT, WITHOUT ROWID;
