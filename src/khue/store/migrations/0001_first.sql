create table account (
    id text primary key,
    username text not null unique check (username <> '' and username = lower(username)),
    display_name text not null,
    role text not null check (role in ('administrator', 'operator', 'viewer')),
    language text not null default 'vi' check (language in ('vi', 'en')),
    password_hash text not null,  -- Argon2id, in PHC form with its own parameters
    disabled boolean not null default false,
    created timestamptz not null default now()
);

-- The cookie itself is never stored: a copy of this table signs nobody in.
create table session (
    token_hash bytea primary key,
    account text not null references account on delete cascade,
    created timestamptz not null default now(),
    expires timestamptz not null,
    address text not null
);
create index session_by_account on session (account);

create table api_token (
    id text primary key,
    account text not null references account on delete cascade,
    name text not null check (name <> ''),
    token_hash bytea not null unique,
    created timestamptz not null default now(),
    expires timestamptz not null
);
create index api_token_by_account on api_token (account);

-- Failed sign-ins per account name, per address and per both; shared by the replicas.
create table login_throttle (
    key text primary key,
    failures integer not null,
    last_failure timestamptz not null,
    blocked_until timestamptz not null
);

-- Every access, written before the first byte is served. No reference to other tables: it outlives what it speaks of.
create table access_log (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    account text not null,
    username text not null,
    action text not null,
    camera text not null default '',
    stream text not null default '',
    period_start timestamptz,
    period_end timestamptz,
    purpose text not null default '',
    address text not null,
    outcome text not null check (outcome in ('allowed', 'refused')),
    detail text not null default ''
);
create index access_log_by_camera on access_log (camera, id) where camera <> '';

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'rows of % are never changed or deleted', tg_table_name;
end
$$;
create trigger access_log_is_append_only before update or delete or truncate on access_log
    for each statement execute function refuse_change();

create table retention_class (
    name text primary key check (name ~ '^[a-z0-9][a-z0-9_-]{0,39}$'),
    days double precision not null check (days > 0),
    priority integer not null default 0  -- what a full disk costs first: the lowest
);
insert into retention_class (name, days) values ('default', 30);

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
    created timestamptz not null default now()
) with (fillfactor = 50);

create table camera (
    id text primary key check (id ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$'),
    name text not null check (name <> ''),
    vendor text not null default '',
    site text not null default '',  -- the network it is on; empty: any node reaches it
    search text not null,  -- name, vendor, site and id in lower case without marks
    enabled boolean not null default true,
    latitude double precision check (latitude between -90 and 90),
    longitude double precision check (longitude between -180 and 180),
    credentials bytea,  -- AES-256-GCM; null when the camera asks for none
    retention_class text not null default 'default' references retention_class,
    created timestamptz not null default now(),
    deleted timestamptz,  -- kept, because its recordings, gaps and accesses are
    check ((latitude is null) = (longitude is null))
);
create index camera_by_name on camera (lower(name), id) where deleted is null;

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
insert into event_position (sequence) values (0);

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

-- Rewritten every two seconds and worthless after a crash, when the next heartbeat brings it back.
create unlogged table stream_progress (
    camera text not null,
    stream text not null,
    node text not null,
    recorded_until timestamptz,
    frames bigint not null,
    bytes bigint not null,
    packets_lost bigint not null,
    primary key (camera, stream)
) with (fillfactor = 50);

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

-- What a person is told about a stream: a camera that is off, without a node or on a silent node says so itself.
create view stream_view as
select
    s.camera, s.name, s.shown_url, s.transport, s.record, p.node,
    case
        when not c.enabled then 'disabled'
        when p.node is null or n.lease_until is null or n.lease_until < now() then 'unreachable'
        else coalesce(t.state, 'connecting')
    end as state,
    case
        when not c.enabled then coalesce(t.since, c.created)
        when p.node is null or n.lease_until is null then coalesce(p.since, c.created)
        when n.lease_until < now() then n.lease_until
        else coalesce(t.since, p.since)
    end as since,
    case
        when not c.enabled then 'switched off'
        when p.node is null then coalesce(p.reason, 'not yet given to a node')
        when n.lease_until is null then format('node %s has never been heard of; start it or check its token', p.node)
        when n.lease_until < now() then format('node %s is not heard of; it may go on recording', p.node)
        else coalesce(t.detail, '')
    end as detail,
    case
        when not c.enabled then 'policy'
        when p.node is null or n.lease_until is null or n.lease_until < now() then 'node'
        else t.cause
    end as cause,
    coalesce(t.codec, '') as codec, coalesce(t.width, 0) as width, coalesce(t.height, 0) as height,
    t.clock_offset_ms, g.recorded_until
from camera_stream s
join camera c on c.id = s.camera
left join placement p on p.camera = s.camera
left join node n on n.id = p.node
left join stream_status t on t.camera = s.camera and t.stream = s.name
left join stream_progress g on g.camera = s.camera and g.stream = s.name
where c.deleted is null;
