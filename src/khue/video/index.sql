-- The node's index: what the recording log holds and what it does not. One SQLite file beside the log.
-- Times are microseconds since 1970 UTC. Rows are written in the transaction that follows the bytes, never before.

CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS file (
  id      INTEGER PRIMARY KEY,
  path    TEXT NOT NULL UNIQUE,              -- below the log folder
  class   TEXT NOT NULL,                     -- retention class
  writer  INTEGER NOT NULL,                  -- worker that appends to it
  first   INTEGER, last INTEGER,             -- arrivals it covers
  length  INTEGER NOT NULL DEFAULT 0,        -- bytes that are indexed
  state   TEXT NOT NULL CHECK (state IN ('open', 'sealed', 'deleting'))
);

CREATE TABLE IF NOT EXISTS stream (
  id       INTEGER PRIMARY KEY,
  camera   TEXT NOT NULL,
  name     TEXT NOT NULL,
  sequence INTEGER NOT NULL DEFAULT 0,       -- of the next block
  hash     BLOB,                             -- of the last block: the next one's `previous`
  expected INTEGER NOT NULL DEFAULT 0,       -- whether recording is: then the time a restart took is a gap
  UNIQUE (camera, name)
);

-- Clustered by stream and time: a camera-hour is one range of pages. Retention deletes by stream and range, so no second
-- index is paid for at each insert.
CREATE TABLE IF NOT EXISTS block (
  stream INTEGER NOT NULL, first INTEGER NOT NULL, sequence INTEGER NOT NULL, last INTEGER NOT NULL,
  file INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL,
  keyframes INTEGER NOT NULL, frames INTEGER NOT NULL, lost INTEGER NOT NULL,
  PRIMARY KEY (stream, first, sequence)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS span (
  stream INTEGER NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL,
  PRIMARY KEY (stream, start)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS gap (
  stream INTEGER NOT NULL, start INTEGER NOT NULL, partial INTEGER NOT NULL, stop INTEGER,
  cause TEXT NOT NULL CHECK (cause IN ('camera', 'link', 'node', 'disk', 'policy')), detail TEXT NOT NULL,
  PRIMARY KEY (stream, start, partial)
) WITHOUT ROWID;

-- What the centre has not acknowledged yet, in order (msgpack of khue.wire.link structs). Of a span or gap, known by its
-- key, only the latest state is kept: a node that is cut off for weeks must not fill its disk with spans that grew.
CREATE TABLE IF NOT EXISTS outbox (
  n INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT UNIQUE, kind TEXT NOT NULL, body BLOB NOT NULL
);

-- What retention deleted, by sequence number: a hole in a stream's chain that no row here explains is a loss.
CREATE TABLE IF NOT EXISTS deletion (
  stream INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, at INTEGER NOT NULL, reason TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS deletion_stream ON deletion (stream, first);
