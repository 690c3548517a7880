-- SHA-256 of the statements that can be signed about the result, an object; NULL where a version made it that kept none.
ALTER TABLE verifications ADD COLUMN statements TEXT;
