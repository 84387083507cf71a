create table account (
    id text primary key,
    username text not null unique check (username <> '' and username = lower(username)),
    display_name text not null,
    role text not null check (role in ('administrator', 'operator', 'viewer')),
    language text not null default 'vi' check (language in ('vi', 'en')),
    password_hash text not null,  -- Argon2id, in PHC form with its own parameters
    disabled boolean not null default false,
    created timestamptz not null default now(),
    units text[] not null default '{}',  -- both empty: the whole city
    agencies text[] not null default '{}',
    defence boolean not null default false
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
