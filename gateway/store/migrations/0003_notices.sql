-- Notices on their way, one row for each channel.

CREATE TABLE notice (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	channel TEXT NOT NULL CHECK (channel IN ('mail', 'webhook', 'syslog')),
	key     TEXT NOT NULL, -- '': may come again
	at      INTEGER NOT NULL,
	synced  INTEGER NOT NULL CHECK (synced IN (0, 1)),
	level   TEXT NOT NULL CHECK (level IN ('info', 'caution', 'danger')),
	code    TEXT NOT NULL,
	args    TEXT NOT NULL CHECK (json_valid(args)),
	tries   INTEGER NOT NULL,
	next_at INTEGER NOT NULL,
	error   TEXT NOT NULL, -- of the last try; '': none
	state   TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'given_up')),
	done_at INTEGER -- NULL while it waits
) STRICT;
CREATE UNIQUE INDEX notice_key ON notice (key, channel) WHERE key <> '';
CREATE INDEX notice_waiting ON notice (channel, next_at) WHERE state = 'waiting';
CREATE INDEX notice_done ON notice (channel, done_at) WHERE done_at IS NOT NULL;
