-- Kinds, plans and what is owed after a window.

ALTER TABLE window ADD COLUMN kind TEXT NOT NULL DEFAULT 'inbound' CHECK (kind IN ('inbound', 'outbound', 'tool', 'wireguard'));
ALTER TABLE window ADD COLUMN targets TEXT NOT NULL DEFAULT 'null' CHECK (json_valid(targets));
ALTER TABLE window ADD COLUMN tool TEXT NOT NULL DEFAULT '';
ALTER TABLE window ADD COLUMN not_before INTEGER;
ALTER TABLE window ADD COLUMN plan INTEGER NOT NULL DEFAULT 0; -- 0: none
ALTER TABLE window ADD COLUMN request TEXT NOT NULL DEFAULT ''; -- '': none
ALTER TABLE window ADD COLUMN sealed INTEGER NOT NULL DEFAULT 0 CHECK (sealed IN (0, 1));
ALTER TABLE window ADD COLUMN rules TEXT NOT NULL DEFAULT '';
ALTER TABLE window ADD COLUMN extensions TEXT NOT NULL DEFAULT 'null' CHECK (json_valid(extensions));
-- When time asks something of it first (window.DueAt); NULL: never.
ALTER TABLE window ADD COLUMN due_at INTEGER;
-- What was said after it; '': nothing yet.
ALTER TABLE window ADD COLUMN report TEXT NOT NULL DEFAULT '' CHECK (report = '' OR json_valid(report));
ALTER TABLE window ADD COLUMN review TEXT NOT NULL DEFAULT '' CHECK (review = '' OR json_valid(review));
ALTER TABLE window ADD COLUMN excuse TEXT NOT NULL DEFAULT '' CHECK (excuse = '' OR json_valid(excuse));

-- Until now a request waited without end; from here on a day.
UPDATE window SET due_at = requested_at + 86400000 WHERE state IN ('requested', 'approved');

CREATE INDEX window_due ON window (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX window_start ON window (not_before) WHERE state = 'scheduled';
CREATE INDEX window_asked ON window (requested_at);
CREATE INDEX window_owing ON window (id) WHERE state = 'closed' AND open_at IS NOT NULL
	AND (report = '' OR review = '' OR break_glass = 1 AND excuse = '');
-- A signed request is asked once, and so is each appointment of a plan.
CREATE UNIQUE INDEX window_request ON window (request) WHERE request <> '';
CREATE UNIQUE INDEX window_appointment ON window (plan, not_before) WHERE plan <> 0;

ALTER TABLE person ADD COLUMN deputy INTEGER NOT NULL DEFAULT 0 CHECK (deputy IN (0, 1));
-- Part of who somebody was, and so of the hashed line.
ALTER TABLE audit ADD COLUMN deputy INTEGER NOT NULL DEFAULT 0 CHECK (deputy IN (0, 1));

CREATE TABLE plan (
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
	kind      TEXT NOT NULL CHECK (kind IN ('inbound', 'outbound', 'tool', 'wireguard')),
	vendor    TEXT NOT NULL,
	device    INTEGER NOT NULL REFERENCES device (id),
	ports     TEXT NOT NULL CHECK (json_valid(ports)),
	targets   TEXT NOT NULL CHECK (json_valid(targets)),
	tool      TEXT NOT NULL,
	length    INTEGER NOT NULL CHECK (length BETWEEN 1000000000 AND 28800000000000),
	reason    TEXT NOT NULL,
	requester TEXT NOT NULL,
	recorder  TEXT NOT NULL CHECK (json_valid(recorder)),
	made      INTEGER NOT NULL,
	week      INTEGER NOT NULL CHECK (week BETWEEN -1 AND 4),
	day       INTEGER NOT NULL CHECK (day BETWEEN 0 AND 6),
	hour      INTEGER NOT NULL CHECK (hour BETWEEN 0 AND 23),
	minute    INTEGER NOT NULL CHECK (minute BETWEEN 0 AND 59),
	dropped   INTEGER -- NULL while it is in force
) STRICT;

-- The keys vendors' engineers sign with. A revoked one stays, since what it
-- signed stays.
CREATE TABLE vendor_key (
	id       INTEGER PRIMARY KEY AUTOINCREMENT,
	vendor   TEXT NOT NULL,
	name     TEXT NOT NULL,
	key      BLOB NOT NULL CHECK (length(key) = 32),
	added_by TEXT NOT NULL CHECK (json_valid(added_by)),
	added    INTEGER NOT NULL,
	revoked  INTEGER -- NULL while it is good
) STRICT;
CREATE UNIQUE INDEX vendor_key_good ON vendor_key (key) WHERE revoked IS NULL;

-- Digests of signed requests that were used, refused ones too.
CREATE TABLE seen_request (
	digest TEXT PRIMARY KEY CHECK (length(digest) = 64),
	at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
