-- What is to be verified, and who is at it.
CREATE TABLE jobs (
    -- The order in which jobs were enqueued.
    sequence BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- SHA-256 over purl, stated digest, policy and tool.
    key TEXT NOT NULL UNIQUE,
    purl TEXT NOT NULL,
    stated TEXT NOT NULL,
    policy TEXT NOT NULL,
    tool TEXT NOT NULL,
    published_at BIGINT,
    -- Lower ones first.
    priority BIGINT NOT NULL,
    -- `waiting`, `leased`, `done`, `failed`.
    state TEXT NOT NULL,
    -- Whether a failure is for good; otherwise the next sweep tries again.
    final BIGINT NOT NULL DEFAULT 0,
    -- Tries that were begun.
    attempts BIGINT NOT NULL DEFAULT 0,
    worker TEXT,
    -- While waiting: not before. While leased: when the lease ends. Milliseconds since 1970.
    until BIGINT NOT NULL DEFAULT 0,
    -- When the row was changed last; a clock before this was set back.
    changed_at BIGINT NOT NULL,
    -- Why the last try failed.
    error TEXT
);

CREATE INDEX jobs_open ON jobs (priority, sequence) WHERE state IN ('waiting', 'leased');
CREATE INDEX jobs_by_state ON jobs (state);
CREATE INDEX jobs_by_worker ON jobs (worker) WHERE worker IS NOT NULL;

-- One row for each sweep that was begun.
CREATE TABLE sweeps (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started_at BIGINT NOT NULL,
    -- NULL until it has come to its end.
    finished_at BIGINT,
    -- Releases asked for; of these, settled before.
    subjects BIGINT NOT NULL,
    settled BIGINT NOT NULL,
    -- The last verification before it began.
    after BIGINT NOT NULL
);
