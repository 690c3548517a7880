-- Ledgers, JSON reports and statements, where the user names no other place for them.
CREATE TABLE objects (
    -- SHA-256 of the content.
    digest TEXT NOT NULL PRIMARY KEY,
    -- The content as one gzip member.
    bytes BLOB NOT NULL
);
