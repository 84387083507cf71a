create table account (
    id text primary key,
    username text not null unique check (username <> '' and username = lower(username)),
    display_name text not null,
    role text not null check (role in ('administrator', 'operator', 'viewer', 'auditor', 'member')),
    language text not null default 'vi' check (language in ('vi', 'en')),
    password_hash text not null,  -- Argon2id, in PHC form with its own parameters
    disabled boolean not null default false,
    created timestamptz not null default now(),
    units text[] not null default '{}',  -- both empty: the whole city
    agencies text[] not null default '{}',
    defence boolean not null default false,
    password_changed timestamptz not null default now()
);

-- What may not be taken again. As many as the regulation asks for are kept.
create table password_history (
    account text not null references account on delete cascade,
    password_hash text not null,
    replaced timestamptz not null default now()
);
create index password_history_by_account on password_history (account, replaced);

-- The cookie itself is never stored: a copy of this table signs nobody in.
create table session (
    token_hash bytea primary key,
    account text not null references account on delete cascade,
    created timestamptz not null default now(),
    expires timestamptz not null,
    address text not null,
    id text not null unique,
    last_seen timestamptz not null default now(),  -- to the minute
    agent text not null default '',
    method text not null default 'password' check (method in ('password', 'totp', 'passkey', 'recovery', 'oidc')),
    must text[] not null default '{}' check (must <@ array['password', 'second'])  -- until then it may do nothing else
);
create index session_by_account on session (account);

create table api_token (
    id text primary key,
    account text not null references account on delete cascade,
    name text not null check (name <> ''),
    token_hash bytea not null unique,
    created timestamptz not null default now(),
    expires timestamptz not null,
    grants text[] check (cardinality(grants) > 0),  -- it is held to these of its account's
    last_used timestamptz  -- to the minute
);
create index api_token_by_account on api_token (account);

-- Time-based codes (RFC 6238). The step of the last code is kept, so that none counts twice.
create table totp (
    account text primary key references account on delete cascade,
    secret bytea not null,  -- sealed; the context is the account
    confirmed timestamptz,  -- null: shown, and no code came back yet
    last_step bigint not null default 0,
    created timestamptz not null default now()
);
create table recovery_code (
    account text not null references account on delete cascade,
    code_hash bytea not null,
    used timestamptz,
    primary key (account, code_hash)
);

-- WebAuthn credentials. The private key never leaves the authenticator.
create table passkey (
    id text primary key,
    account text not null references account on delete cascade,
    name text not null check (name <> ''),
    credential bytea not null unique,
    public_key bytea not null,  -- COSE
    sign_count bigint not null check (sign_count >= 0),
    rp_id text not null,  -- the name of the centre it was made for
    transports text[] not null default '{}',
    created timestamptz not null default now(),
    last_used timestamptz
);
create index passkey_by_account on passkey (account);

-- A sign-in that is half done, or a challenge an authenticator is to sign: used once, within minutes.
create table ticket (
    token_hash bytea primary key,
    kind text not null check (kind in ('second', 'passkey', 'enrol')),
    account text references account on delete cascade check ((account is null) = (kind = 'passkey')),
    address text not null,
    challenge bytea,  -- null when it was answered already
    attempts integer not null default 0,
    expires timestamptz not null
);
create index ticket_by_expiry on ticket (expires);
create index ticket_by_address on ticket (address);

-- Failed sign-ins per account name, per address and per both; shared by the replicas.
create table login_throttle (
    key text primary key,
    failures integer not null,
    last_failure timestamptz not null,
    blocked_until timestamptz not null
);

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'rows of % are never changed or deleted', tg_table_name;
end
$$;
