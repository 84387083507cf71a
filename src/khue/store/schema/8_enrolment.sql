-- An offer to one node. Only the digest of its secret is kept; used, it stays as a record of who came and from where.
create table node_enrolment (
    id text primary key,
    node text not null check (node ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$'),
    sites text[] not null,
    again boolean not null,  -- may take the place of a node that is enrolled, whose key then ends
    secret_hash bytea not null,
    created timestamptz not null default now(),
    created_by text not null,
    expires timestamptz not null,
    used timestamptz,
    used_from text not null default '',
    bus_key text not null default ''  -- what the node registered
);
create index node_enrolment_by_node on node_enrolment (node);

-- Which node ever had which camera: only of those may it speak. Rows of placement come and go; these stay.
create table placed_once (
    node text not null,
    camera text not null,
    primary key (node, camera)
);
create function remember_placement() returns trigger language plpgsql as $$
begin
    insert into placed_once (node, camera) select node, camera from placed where node is not null on conflict do nothing;
    return null;
end
$$;
create trigger placement_is_remembered after insert on placement
    referencing new table as placed for each statement execute function remember_placement();
create trigger placement_moved_is_remembered after update on placement
    referencing new table as placed for each statement execute function remember_placement();

-- A person at a provider is an account here. Made at the first sign-in; names and addresses at the provider may change later.
create table oidc_link (
    issuer text not null,
    subject text not null,
    account text not null references account on delete cascade,
    created timestamptz not null default now(),
    last_used timestamptz not null default now(),
    primary key (issuer, subject),
    unique (issuer, account)  -- an address that goes to somebody else at the provider does not take the account along
);
create index oidc_link_by_account on oidc_link (account);

-- Sign-ins that are at the provider just now: taken away by the first answer, bound to one browser, ten minutes.
create table oidc_attempt (
    state_hash bytea primary key,
    provider text not null,
    browser_hash bytea not null,
    nonce text not null,
    verifier text not null,
    return_to text not null,
    address text not null,
    expires timestamptz not null
);
create index oidc_attempt_by_address on oidc_attempt (address);
