-- A look for cameras by one node. Any replica fetches what was found, one at a time.
create table discovery (
    id text primary key,
    node text not null,  -- no reference: what was found outlives the node
    ranges text[],  -- null: all it has declared
    multicast boolean not null,
    ports integer[] not null default '{}',  -- none: those of the catalogue
    state text not null default 'running' check (state in ('running', 'done', 'cancelled', 'failed')),
    cancelling boolean not null default false,
    started_there boolean not null default false,  -- the node has it; not there any more means that the node was started anew
    total integer not null default 0,
    asked integer not null default 0,
    received integer not null default 0,
    outside integer not null default 0,  -- answers from beyond the declared ranges, dropped
    error text not null default '',
    created timestamptz not null default now(),
    created_by text not null,
    finished timestamptz,
    worker text not null default '',
    lease_until timestamptz not null default '-infinity',
    check ((state = 'running') = (finished is null))
);
create unique index discovery_running on discovery (node) where state = 'running';  -- one at a time per node
create index discovery_by_time on discovery (created desc);

create table discovered (
    discovery text not null references discovery on delete cascade,
    key text not null,  -- the address, or of several devices behind one their service's
    number integer not null,  -- in the order they were found
    address text not null,
    ports integer[] not null,
    onvif boolean not null,
    services text[] not null,
    vendor text not null,
    family text not null,
    model text not null,
    name text not null,
    serial text not null,
    mac macaddr,
    clock_offset_s double precision,
    error text not null,
    found timestamptz not null default now(),
    primary key (discovery, key)
);

-- A new password is written here, sealed, before the camera is told of it; the old one stays in camera until the new one
-- was proved. Whoever dies in between: both are known, and tried at the next start.
create table password_rotation (
    id text primary key,
    camera text not null references camera,
    username text not null,
    secret bytea,  -- AES-256-GCM; kept where it failed too, in case the camera took it after all
    state text not null default 'pending' check (state in ('pending', 'done', 'failed')),
    rolled_back boolean not null default false,
    detail text not null default '',
    attempts integer not null default 0,
    created timestamptz not null default now(),
    created_by text not null,
    settled timestamptz,
    lease_until timestamptz not null,  -- until then somebody speaks with the camera
    check ((state = 'pending') = (settled is null)),
    check (state = 'done' or secret is not null)
);
create unique index password_rotation_pending on password_rotation (camera) where state = 'pending';
create index password_rotation_by_camera on password_rotation (camera, created desc);
