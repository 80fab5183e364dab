-- Lists that are fetched: what is known of each. Their text lies beside the
-- database, for it can be of any size.
CREATE TABLE list_state (
	name  TEXT PRIMARY KEY,
	state TEXT NOT NULL CHECK (json_valid(state))
) STRICT, WITHOUT ROWID;

-- Names the clinic itself refuses.
CREATE TABLE name_deny (
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
	name      TEXT NOT NULL,
	reason    TEXT NOT NULL,
	denied_by TEXT NOT NULL CHECK (json_valid(denied_by)),
	denied    INTEGER NOT NULL,
	ended_by  TEXT CHECK (ended_by IS NULL OR json_valid(ended_by)),
	ended     INTEGER -- NULL while it is in force
) STRICT;
CREATE UNIQUE INDEX name_deny_now ON name_deny (name) WHERE ended IS NULL;
