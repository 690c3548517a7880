-- A digest of the packages of a sweep; only one of the same packages goes on with it.
ALTER TABLE sweeps ADD COLUMN selection TEXT NOT NULL DEFAULT '';

-- `INSERT OR REPLACE` removes rows without asking the triggers that keep them.
CREATE TRIGGER verifications_stand BEFORE INSERT ON verifications WHEN EXISTS (
    SELECT 1 FROM verifications WHERE id = NEW.id OR uid = NEW.uid
    OR (settled = 1 AND NEW.settled = 1 AND purl = NEW.purl AND artifact = NEW.artifact AND policy = NEW.policy AND tool = NEW.tool)
)
BEGIN SELECT RAISE(IGNORE); END;

CREATE TRIGGER findings_stand BEFORE INSERT ON findings WHEN EXISTS (
    SELECT 1 FROM findings WHERE verification = NEW.verification AND position = NEW.position
)
BEGIN SELECT RAISE(IGNORE); END;
