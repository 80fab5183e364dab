-- Attempts outside every window, by day in the clinic's zone.

CREATE TABLE attempt_day (
	day     TEXT PRIMARY KEY CHECK (length(day) = 10),
	packets INTEGER NOT NULL -- all, also those no row of attempt has
) STRICT, WITHOUT ROWID;

CREATE TABLE attempt (
	day     TEXT NOT NULL REFERENCES attempt_day (day),
	source  TEXT NOT NULL,
	vendor  TEXT NOT NULL, -- name in site.toml; '': a stranger
	packets INTEGER NOT NULL,
	first   INTEGER NOT NULL,
	last    INTEGER NOT NULL,
	ports   TEXT NOT NULL CHECK (json_valid(ports)),
	PRIMARY KEY (day, source)
) STRICT, WITHOUT ROWID;

-- The lines of the log that are about a window. A line somebody has spoilt
-- must not keep the database from opening: that is for the chain to say.
CREATE INDEX audit_window ON audit (CASE WHEN json_valid(args) THEN json_extract(args, '$.window') END)
	WHERE CASE WHEN json_valid(args) THEN json_extract(args, '$.window') END IS NOT NULL;
