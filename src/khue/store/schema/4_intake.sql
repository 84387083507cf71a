create unique index if not exists camera_by_code on camera (coalesce(owner, ''), code) where deleted is null and code is not null;

-- What an agency's headings mean, found again by the headings themselves.
create table import_mapping (
    id text primary key,
    name text not null unique check (name <> ''),
    agency text not null default '',
    signature text not null check (signature <> ''),  -- of the folded headings, in order
    mapping jsonb not null,
    created timestamptz not null default now(),
    created_by text not null
);
create index import_mapping_by_signature on import_mapping (signature, created desc);

create table import (
    id text primary key,
    name text not null check (name <> ''),
    account text not null references account,
    actor text not null,  -- whose name stands in the history
    agency text not null default '',  -- of rows that name none
    mapping text not null default '',  -- of sheets whose headings fit it
    state text not null default 'open' check (state in (
        'open', 'planning', 'planned', 'applying', 'applied', 'undoing', 'undone', 'failed')),
    progress double precision not null default 0 check (progress between 0 and 1),
    counts jsonb not null default '{}',
    by_reason jsonb not null default '[]',
    agencies jsonb not null default '[]',  -- the plan found these to be new: id, name, kind, unit
    scope jsonb not null default '{}',  -- what the planner might write; who applies must have the same
    seen bigint not null default 0,  -- the newest camera_version the plan knew
    kept jsonb not null default '[]',  -- what undo left alone: camera, name, field, why
    error text not null default '',
    worker text not null default '',  -- the replica that works on it, while its lease lasts
    lease_until timestamptz not null default '-infinity',
    created timestamptz not null default now(),
    planned timestamptz,
    applied timestamptz,
    undone timestamptz
);
create index import_by_account on import (account, created desc);

-- The bytes are in the object store, sealed: agencies' sheets hold passwords in clear.
create table import_file (
    import text not null references import on delete cascade,
    name text not null check (name <> ''),
    object text not null,
    bytes bigint not null check (bytes >= 0),
    sheets jsonb not null,  -- as looked at when it came: headings, samples, what they were taken for
    mappings jsonb not null default '{}',  -- of each sheet whose columns a person or a named mapping decided
    kept boolean not null default true,  -- false: its time is over, the bytes are gone
    primary key (import, name)
);

create table import_row (
    import text not null references import on delete cascade,
    ordinal integer not null,  -- by file name, sheet and row
    file text not null,
    sheet text not null,
    row integer not null,
    outcome text not null check (outcome in ('created', 'changed', 'unchanged', 'duplicate', 'refused', 'skipped')),
    reasons text[] not null default '{}',
    camera text,  -- the one to be made, or the one it is
    revision integer,  -- of a camera that is to be changed, as the plan saw it
    duplicate_of jsonb,  -- file, sheet, row
    values jsonb not null default '{}',  -- canonical names, nothing secret
    search text not null default '',
    written jsonb,  -- column to value, of a camera that is to be changed
    before jsonb,  -- the same columns as they were
    problems jsonb not null default '[]',
    notes jsonb not null default '[]',
    primary key (import, ordinal)
);
create index import_row_by_outcome on import_row (import, outcome, ordinal);

-- Apart from the rows, so that nothing that shows rows can show these. Sealed for the camera they belong to.
create table import_sealed (
    import text not null references import on delete cascade,
    ordinal integer not null,
    kind text not null check (kind in ('credentials', 'main', 'sub', 'contact')),
    value bytea not null,
    shown text not null default '',  -- a URL without what is secret in it; the id of a consent
    before bytea,  -- what it replaces
    before_shown text,
    primary key (import, ordinal, kind)
);
