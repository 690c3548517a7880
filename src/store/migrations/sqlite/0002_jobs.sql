-- What is to be verified, and who is at it.
CREATE TABLE jobs (
    -- The order in which jobs were enqueued.
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    -- SHA-256 over purl, stated digest, policy and tool.
    key TEXT NOT NULL UNIQUE,
    purl TEXT NOT NULL,
    stated TEXT NOT NULL,
    policy TEXT NOT NULL,
    tool TEXT NOT NULL,
    published_at INTEGER,
    -- Lower ones first.
    priority INTEGER NOT NULL,
    -- `waiting`, `leased`, `done`, `failed`.
    state TEXT NOT NULL,
    -- Whether a failure is for good; otherwise the next sweep tries again.
    final INTEGER NOT NULL DEFAULT 0,
    -- Tries that were begun.
    attempts INTEGER NOT NULL DEFAULT 0,
    worker TEXT,
    -- While waiting: not before. While leased: when the lease ends. Milliseconds since 1970.
    until INTEGER NOT NULL DEFAULT 0,
    -- When the row was changed last; a clock before this was set back.
    changed_at INTEGER NOT NULL,
    -- Why the last try failed.
    error TEXT
);

CREATE INDEX jobs_open ON jobs (priority, sequence) WHERE state IN ('waiting', 'leased');
CREATE INDEX jobs_by_state ON jobs (state);
CREATE INDEX jobs_by_worker ON jobs (worker) WHERE worker IS NOT NULL;

-- One row for each sweep that was begun.
CREATE TABLE sweeps (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    started_at INTEGER NOT NULL,
    -- NULL until it has come to its end.
    finished_at INTEGER,
    -- Releases asked for; of these, settled before.
    subjects INTEGER NOT NULL,
    settled INTEGER NOT NULL,
    -- The last verification before it began.
    after INTEGER NOT NULL
);
