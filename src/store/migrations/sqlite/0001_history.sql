-- Every verification that was made. Rows are only ever added; `prune` alone removes some.
CREATE TABLE verifications (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- SHA-256 over everything below: the same row is never stored twice.
    uid TEXT NOT NULL UNIQUE,
    -- The job that it was made for.
    job TEXT NOT NULL,
    purl TEXT NOT NULL,
    -- `npm:name`, and the version.
    package TEXT NOT NULL,
    version TEXT NOT NULL,
    -- SHA-512 of the artifact in the registry's form, its SHA-256, bytes.
    artifact TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size INTEGER NOT NULL,
    -- The digest that the registry stated; empty where it stated none.
    stated TEXT NOT NULL,
    -- SHA-256 of everything that the user set and that a verdict depends on; the program's version.
    policy TEXT NOT NULL,
    tool TEXT NOT NULL,
    verdict TEXT NOT NULL,
    -- Why nothing could be concluded, by id; what happened.
    inconclusive TEXT,
    detail TEXT,
    reason TEXT,
    exit_code INTEGER NOT NULL,
    -- Whether the same inputs would give the same verdict again.
    settled INTEGER NOT NULL CHECK (settled IN (0, 1)),
    tier TEXT,
    files INTEGER,
    explained INTEGER,
    -- Files of each class, a JSON object.
    classes TEXT,
    repository TEXT,
    host TEXT,
    commit_id TEXT,
    -- Of the plan whose rebuild explains most; its programs, a JSON list of package URLs.
    plan TEXT,
    toolchain TEXT,
    -- Seconds since 1970 as the registry states it; milliseconds since 1970 by the verifier's clock; how long it took.
    published_at INTEGER,
    observed_at INTEGER NOT NULL,
    milliseconds INTEGER NOT NULL,
    -- SHA-256 of the ledger's lines and of the JSON report, which are objects.
    ledger TEXT,
    report TEXT NOT NULL
);

-- Two workers never publish two differing results for the same inputs.
CREATE UNIQUE INDEX verifications_settled ON verifications (purl, artifact, policy, tool) WHERE settled = 1;
CREATE INDEX verifications_by_package ON verifications (package, id);
CREATE INDEX verifications_by_job ON verifications (job, id);

CREATE TABLE findings (
    verification INTEGER NOT NULL REFERENCES verifications (id),
    -- The order of urgency, from 0.
    position INTEGER NOT NULL,
    rule TEXT NOT NULL,
    severity TEXT NOT NULL,
    risk TEXT NOT NULL,
    path TEXT,
    PRIMARY KEY (verification, position)
) WITHOUT ROWID;

CREATE INDEX findings_by_rule ON findings (rule, verification);

-- Holds a row only inside the transaction of `prune`.
CREATE TABLE pruning (reason TEXT NOT NULL);

CREATE TRIGGER verifications_stay BEFORE UPDATE ON verifications
BEGIN SELECT RAISE(ABORT, 'history is never overwritten'); END;

CREATE TRIGGER verifications_remain BEFORE DELETE ON verifications WHEN NOT EXISTS (SELECT 1 FROM pruning)
BEGIN SELECT RAISE(ABORT, 'history is never overwritten'); END;

CREATE TRIGGER findings_stay BEFORE UPDATE ON findings
BEGIN SELECT RAISE(ABORT, 'history is never overwritten'); END;

CREATE TRIGGER findings_remain BEFORE DELETE ON findings WHEN NOT EXISTS (SELECT 1 FROM pruning)
BEGIN SELECT RAISE(ABORT, 'history is never overwritten'); END;
