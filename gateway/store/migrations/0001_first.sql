-- Times are UTC in milliseconds, NULL where there is none. Lengths and boot
-- times are nanoseconds. JSON columns hold what nothing is searched by.

CREATE TABLE audit (
	seq    INTEGER PRIMARY KEY,
	at     INTEGER NOT NULL,
	synced INTEGER NOT NULL CHECK (synced IN (0, 1)),
	person INTEGER NOT NULL, -- 0: nobody with an account
	name   TEXT NOT NULL,
	role   TEXT NOT NULL,
	via    TEXT NOT NULL,
	code   TEXT NOT NULL,
	args   TEXT NOT NULL,
	prev   BLOB NOT NULL CHECK (length(prev) = 32),
	hash   BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- Against mistakes of our own; against others stands the chain.
CREATE TRIGGER audit_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit lines are never changed'); END;
CREATE TRIGGER audit_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit lines are never deleted'); END;

CREATE TABLE device (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	name       TEXT,
	name_key   TEXT UNIQUE, -- what makes two names the same
	named_by   TEXT,
	first_seen INTEGER,
	last_seen  INTEGER
) STRICT;

-- A device may get several interfaces; today each has one.
CREATE TABLE interface (
	mac        BLOB PRIMARY KEY CHECK (length(mac) = 6),
	device     INTEGER NOT NULL REFERENCES device (id) ON DELETE CASCADE,
	port       TEXT NOT NULL, -- interface of the box it was last seen on
	first_seen INTEGER,
	last_seen  INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX interface_device ON interface (device);

CREATE TABLE address (
	mac       BLOB NOT NULL REFERENCES interface (mac) ON DELETE CASCADE,
	addr      TEXT NOT NULL,
	last_seen INTEGER NOT NULL,
	PRIMARY KEY (mac, addr)
) STRICT, WITHOUT ROWID;

CREATE TABLE window (
	id           INTEGER PRIMARY KEY AUTOINCREMENT,
	state        TEXT NOT NULL CHECK (state IN ('requested', 'approved', 'scheduled', 'opening', 'open', 'closed', 'refused', 'lapsed', 'not_opened')),
	n            INTEGER NOT NULL CHECK (n > 0),
	vendor       TEXT NOT NULL,
	device       INTEGER NOT NULL REFERENCES device (id),
	sources      TEXT NOT NULL CHECK (json_valid(sources)),
	ports        TEXT NOT NULL CHECK (json_valid(ports)),
	length       INTEGER NOT NULL CHECK (length BETWEEN 1000000000 AND 28800000000000),
	reason       TEXT NOT NULL,
	requester    TEXT NOT NULL,
	recorder     TEXT NOT NULL CHECK (json_valid(recorder)),
	approver     TEXT NOT NULL CHECK (json_valid(approver)),
	break_glass  INTEGER NOT NULL CHECK (break_glass IN (0, 1)),
	alone        INTEGER NOT NULL CHECK (alone IN (0, 1)),
	answer       TEXT NOT NULL,
	requested_at INTEGER NOT NULL,
	approved_at  INTEGER,
	mark         INTEGER NOT NULL CHECK (mark BETWEEN 0 AND 65534),
	boot_id      TEXT NOT NULL,
	open_boot    INTEGER NOT NULL,
	end_boot     INTEGER NOT NULL,
	open_at      INTEGER,
	end_at       INTEGER,
	synced       INTEGER NOT NULL CHECK (synced IN (0, 1)),
	closed_at    INTEGER,
	how          TEXT NOT NULL,
	closer       TEXT NOT NULL CHECK (json_valid(closer)),
	passed_packets INTEGER NOT NULL,
	passed_bytes   INTEGER NOT NULL,
	dead_packets   INTEGER NOT NULL,
	dead_bytes     INTEGER NOT NULL,
	cut          INTEGER NOT NULL
) STRICT;
CREATE INDEX window_state ON window (state);

-- Each transition exactly once, whatever crashed in between.
CREATE TABLE transition (
	window     INTEGER NOT NULL REFERENCES window (id),
	from_state TEXT NOT NULL,
	to_state   TEXT NOT NULL,
	n          INTEGER NOT NULL,
	at         INTEGER NOT NULL,
	who        TEXT NOT NULL CHECK (json_valid(who)),
	PRIMARY KEY (window, from_state, to_state, n),
	UNIQUE (window, n)
) STRICT, WITHOUT ROWID;

-- Marks given to windows, so that none comes back within a day.
CREATE TABLE mark (
	mark  INTEGER PRIMARY KEY CHECK (mark BETWEEN 1 AND 65534),
	given INTEGER NOT NULL
) STRICT;

-- mark: the last one given. act: the first audit line of the last act.
CREATE TABLE counter (
	name  TEXT PRIMARY KEY,
	value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counter VALUES ('mark', 0), ('act', 0);

CREATE TABLE session (
	window    INTEGER NOT NULL REFERENCES window (id),
	flow      INTEGER NOT NULL,
	started   INTEGER NOT NULL,
	mark      INTEGER NOT NULL,
	proto     TEXT NOT NULL,
	source    TEXT NOT NULL,
	target    TEXT NOT NULL,
	ended     INTEGER,
	bytes_in  INTEGER NOT NULL,
	bytes_out INTEGER NOT NULL,
	PRIMARY KEY (window, flow, started)
) STRICT, WITHOUT ROWID;

CREATE TABLE person (
	id       INTEGER PRIMARY KEY AUTOINCREMENT,
	name     TEXT NOT NULL,
	name_key TEXT NOT NULL UNIQUE,
	role     TEXT NOT NULL CHECK (role IN ('director', 'staff', 'vendor', 'inspector')),
	password TEXT NOT NULL,
	totp     BLOB NOT NULL,
	counter  INTEGER NOT NULL,
	disabled INTEGER NOT NULL CHECK (disabled IN (0, 1)),
	created  INTEGER NOT NULL
) STRICT;

CREATE TABLE recovery (
	person INTEGER NOT NULL REFERENCES person (id),
	hash   TEXT NOT NULL,
	PRIMARY KEY (person, hash)
) STRICT, WITHOUT ROWID;

-- Sign-ins of the page; the token itself is nowhere, only its SHA-256.
CREATE TABLE login (
	token   BLOB PRIMARY KEY CHECK (length(token) = 32),
	data    BLOB NOT NULL,
	expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE meta (
	key   TEXT PRIMARY KEY,
	value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
