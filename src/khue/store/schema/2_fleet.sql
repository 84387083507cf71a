create table node (
    id text primary key check (id ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$'),  -- one word of a message subject
    sites text[] not null default '{}',  -- networks it may serve; empty: those it says itself
    said_sites text[] not null default '{}',
    bus_key text not null unique,  -- public nkey
    version text not null default '',
    lan_url text not null default '',
    capacity integer not null default 400,
    revision bigint not null default 1,  -- of its desired state; grows in the transaction that changes it
    lease_until timestamptz,  -- null: never heard of
    alive boolean not null default false,  -- as last told to watchers; the truth is lease_until > now()
    disk_used bigint not null default 0,
    disk_total bigint not null default 0,
    cpu_seconds double precision not null default 0,
    rss_bytes bigint not null default 0,
    alert text not null default '',
    created timestamptz not null default now(),
    ranges text[] not null default '{}'  -- as its administrator declared; the node itself holds to it
) with (fillfactor = 50);

create table camera_stream (
    camera text not null references camera,
    name text not null check (name in ('main', 'sub')),
    url bytea not null,  -- AES-256-GCM: some families carry credentials in the path
    shown_url text not null,  -- redacted
    transport text not null check (transport in ('auto', 'tcp', 'udp')),
    record boolean not null default true,
    primary key (camera, name)
);

create table legal_hold (
    id text primary key,
    camera text not null references camera,
    started timestamptz not null,
    ended timestamptz not null check (ended > started),
    reason text not null check (reason <> ''),
    review timestamptz not null,
    created timestamptz not null default now(),
    created_by text not null,
    released timestamptz,
    released_by text
);
create index legal_hold_in_force on legal_hold (camera) where released is null;

create table placement (
    camera text primary key references camera,
    node text references node,  -- null: no node can take it, for the reason given
    since timestamptz not null default now(),
    reason text not null
);
create index placement_by_node on placement (node);

-- How far the stream of events is in the tables: moved in the transaction that applies them, so each is applied once and in order.
create table event_position (
    only_row boolean primary key default true check (only_row),
    sequence bigint not null
);

-- What nodes report has no reference to camera: one unknown id must not reject a whole batch.
create table stream_status (
    camera text not null,
    stream text not null,
    node text not null,
    state text not null,
    since timestamptz not null,
    detail text not null default '',
    cause text,
    codec text not null default '',
    width integer not null default 0,
    height integer not null default 0,
    clock_offset_ms bigint,
    primary key (camera, stream)
);

create table transition (
    camera text not null,
    stream text not null,
    since timestamptz not null,
    node text not null,
    state text not null,
    detail text not null,
    cause text,
    primary key (camera, stream, since, node, state)
);

create table coverage_span (
    camera text not null,
    stream text not null,
    node text not null,
    started timestamptz not null,
    ended timestamptz not null,
    primary key (camera, stream, node, started)
);

create table gap (
    camera text not null,
    stream text not null,
    node text not null,
    started timestamptz not null,
    partial boolean not null,
    ended timestamptz,  -- null while it lasts
    cause text not null,
    detail text not null,
    primary key (camera, stream, node, started, partial)
);

create table clip (
    id text primary key,
    account text not null references account,
    camera text not null references camera,
    stream text not null,
    started timestamptz not null,
    ended timestamptz not null check (ended > started),
    state text not null default 'running' check (state in ('running', 'done', 'failed')),
    bytes bigint not null default 0,
    progress double precision not null default 0,
    sha256 text not null default '',
    error text not null default '',
    attempts integer not null default 0,
    worker text not null default '',  -- the replica that makes it, while its lease lasts
    lease_until timestamptz not null default '-infinity',
    created timestamptz not null default now(),
    finished timestamptz,
    check ((state = 'done') = (sha256 <> ''))
);
create index clip_by_account on clip (account, created desc);
create index clip_running on clip (created) where state = 'running';
create trigger camera_stream_change_is_append_only before update or delete or truncate on camera_stream_change
    for each statement execute function refuse_change();

create function camera_stream_facts(s camera_stream) returns jsonb language sql immutable as $$
    select jsonb_build_object('url', s.shown_url, 'transport', s.transport, 'record', s.record)
$$;

create function camera_stream_changed() returns trigger language plpgsql as $$
declare
    who text := change_actor();
    why text := coalesce(current_setting('khue.reason', true), '');
    origin text := coalesce(current_setting('khue.source', true), '');
begin
    if tg_op = 'INSERT' then
        insert into camera_stream_change (camera, stream, after, actor, reason, source)
        select n.camera, n.name, camera_stream_facts(n), who, why, origin from new_rows n;
    elsif tg_op = 'DELETE' then
        insert into camera_stream_change (camera, stream, before, actor, reason, source)
        select o.camera, o.name, camera_stream_facts(o), who, why, origin from old_rows o;
    else
        insert into camera_stream_change (camera, stream, before, after, actor, reason, source)
        select n.camera, n.name, camera_stream_facts(o), camera_stream_facts(n), who, why, origin
        from new_rows n join old_rows o on o.camera = n.camera and o.name = n.name
        where camera_stream_facts(o) <> camera_stream_facts(n);
    end if;
    return null;
end
$$;
create trigger camera_stream_is_added after insert on camera_stream referencing new table as new_rows
    for each statement execute function camera_stream_changed();
create trigger camera_stream_is_changed after update on camera_stream referencing old table as old_rows new table as new_rows
    for each statement execute function camera_stream_changed();
create trigger camera_stream_is_dropped after delete on camera_stream referencing old table as old_rows
    for each statement execute function camera_stream_changed();
