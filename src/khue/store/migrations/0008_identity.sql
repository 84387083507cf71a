-- Who signs in: sign-ins that are listed and ended one by one, second factors, and what may be asked only once.

alter table account add column password_changed timestamptz not null default now();

-- What may not be taken again. As many as the regulation asks for are kept.
create table password_history (
    account text not null references account on delete cascade,
    password_hash text not null,
    replaced timestamptz not null default now()
);
create index password_history_by_account on password_history (account, replaced);

alter table session add column id text;
update session set id = encode(substr(token_hash, 1, 8), 'hex');
alter table session alter column id set not null;
alter table session add unique (id);
alter table session add column last_seen timestamptz not null default now();  -- to the minute
alter table session add column agent text not null default '';
alter table session add column method text not null default 'password'
    check (method in ('password', 'totp', 'passkey', 'recovery', 'oidc'));
alter table session add column must text[] not null default '{}'  -- until then it may do nothing else
    check (must <@ array['password', 'second']);

alter table api_token add column last_used timestamptz;  -- to the minute

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
