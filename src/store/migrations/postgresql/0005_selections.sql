-- A digest of the packages of a sweep; only one of the same packages goes on with it.
ALTER TABLE sweeps ADD COLUMN selection TEXT NOT NULL DEFAULT '';

CREATE TRIGGER verifications_remain BEFORE TRUNCATE ON verifications
FOR EACH STATEMENT EXECUTE FUNCTION keep_history();

CREATE TRIGGER findings_remain BEFORE TRUNCATE ON findings
FOR EACH STATEMENT EXECUTE FUNCTION keep_history();
