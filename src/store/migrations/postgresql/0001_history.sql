-- Every verification that was made. Rows are only ever added; `prune` alone removes some.
CREATE TABLE verifications (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
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
    size BIGINT NOT NULL,
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
    exit_code BIGINT NOT NULL,
    -- Whether the same inputs would give the same verdict again.
    settled BIGINT NOT NULL CHECK (settled IN (0, 1)),
    tier TEXT,
    files BIGINT,
    explained BIGINT,
    -- Files of each class, a JSON object.
    classes TEXT,
    repository TEXT,
    host TEXT,
    commit_id TEXT,
    -- Of the plan whose rebuild explains most; its programs, a JSON list of package URLs.
    plan TEXT,
    toolchain TEXT,
    -- Seconds since 1970 as the registry states it; milliseconds since 1970 by the verifier's clock; how long it took.
    published_at BIGINT,
    observed_at BIGINT NOT NULL,
    milliseconds BIGINT NOT NULL,
    -- SHA-256 of the ledger's lines and of the JSON report, which are objects.
    ledger TEXT,
    report TEXT NOT NULL
);

-- Two workers never publish two differing results for the same inputs.
CREATE UNIQUE INDEX verifications_settled ON verifications (purl, artifact, policy, tool) WHERE settled = 1;
CREATE INDEX verifications_by_package ON verifications (package, id);
CREATE INDEX verifications_by_job ON verifications (job, id);

CREATE TABLE findings (
    verification BIGINT NOT NULL REFERENCES verifications (id),
    -- The order of urgency, from 0.
    position BIGINT NOT NULL,
    rule TEXT NOT NULL,
    severity TEXT NOT NULL,
    risk TEXT NOT NULL,
    path TEXT,
    PRIMARY KEY (verification, position)
);

CREATE INDEX findings_by_rule ON findings (rule, verification);

-- Holds a row only inside the transaction of `prune`.
CREATE TABLE pruning (reason TEXT NOT NULL);

CREATE FUNCTION keep_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (SELECT 1 FROM pruning) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'history is never overwritten';
END $$;

CREATE TRIGGER verifications_stay BEFORE UPDATE OR DELETE ON verifications
FOR EACH ROW EXECUTE FUNCTION keep_history();

CREATE TRIGGER findings_stay BEFORE UPDATE OR DELETE ON findings
FOR EACH ROW EXECUTE FUNCTION keep_history();
