-- Asking for what one was not granted: requests between agencies, a second person's word, breaking the glass, and the notices
-- that tell people of them.

create table access_request (
    id text primary key,
    number bigint not null unique generated always as identity,  -- in the order they came
    kind text not null check (kind in ('access', 'second')),
    state text not null default 'open'
        check (state in ('open', 'approved', 'narrowed', 'refused', 'withdrawn', 'lapsed')),
    account text not null references account,
    post text not null references post,  -- for which it is asked
    agency text references agency,  -- whose post that is
    rights text[] not null check (cardinality(rights) > 0),
    cameras text[] check (cardinality(cameras) > 0),  -- null: those of a place or a fleet
    units text[],
    fleets text[],
    camera_purposes text[],
    purpose text not null check (purpose <> ''),
    case_number text not null default '',
    reason text not null check (reason <> ''),
    basis text not null default '',
    valid_from timestamptz not null,
    valid_to timestamptz not null check (valid_to > valid_from),
    owner text references agency,  -- null: whoever decides there
    version text not null references regulation_version,
    created timestamptz not null default now(),
    due timestamptz not null,
    remind timestamptz,
    escalate timestamptz,  -- when the agency above is reminded
    reminded smallint not null default 0,
    decided timestamptz,
    decided_by text references account,  -- null: nobody did in time
    decision text not null default '',
    access_grant text references access_grant,
    check ((state = 'open') = (decided is null)),
    check (cameras is not null or units is not null or fleets is not null)
);
create index access_request_by_account on access_request (account, number);
create index access_request_open on access_request (due) where state = 'open';

-- Two people open cameras beyond their grants; what they open is a grant like any other, of origin emergency.
create table emergency (
    id text primary key,
    number bigint not null unique generated always as identity,
    state text not null default 'waiting' check (state in ('waiting', 'in_force', 'ended', 'lapsed', 'reviewed')),
    account text not null references account,
    post text not null references post,
    agency text references agency,
    rights text[] not null check (cardinality(rights) > 0),
    cameras text[] check (cardinality(cameras) > 0),
    units text[],
    fleets text[],
    camera_purposes text[],
    purpose text not null,
    case_number text not null default '',
    reason text not null check (reason <> ''),
    version text not null references regulation_version,
    clause text not null,
    created timestamptz not null default now(),
    confirm_by timestamptz not null,
    confirmed timestamptz,
    confirmed_by text references account check (confirmed_by <> account),
    until timestamptz,
    ended timestamptz,
    ended_by text references account,  -- null: its time was over
    ended_reason text not null default '',
    access_grant text references access_grant,
    review_due timestamptz,
    remind timestamptz,
    reminded smallint not null default 0,
    verdict text check (verdict in ('justified', 'unjustified')),
    review text not null default '',
    reviewed timestamptz,
    reviewed_by text references account,
    check ((confirmed is null) = (confirmed_by is null)),
    check ((confirmed is null) = (access_grant is null)),
    check (confirmed is not null or state in ('waiting', 'lapsed')),
    check ((state = 'reviewed') = (reviewed is not null)),
    check (cameras is not null or units is not null or fleets is not null)
);
create index emergency_by_account on emergency (account, number);
create index emergency_unsettled on emergency (state) where state in ('waiting', 'in_force', 'ended');

create table notice (
    id bigint primary key generated always as identity,
    account text not null references account on delete cascade,
    at timestamptz not null default now(),
    kind text not null,
    subject_kind text not null check (subject_kind in ('request', 'emergency')),
    subject text not null,
    vi text not null,
    en text not null,
    read timestamptz
);
create index notice_by_account on notice (account, id desc);
create index notice_unread on notice (account) where read is null;

-- Whether some camera of these is one that the reader whose transaction this is reaches; of a place without cameras, whether
-- it reaches all.
create function reaches_some_of(cameras text[], units text[], fleets text[], purposes text[]) returns boolean
language plpgsql stable as $$
declare
    below text[] := case when fleets is not null then with_agencies_below(fleets) end;
begin
    if cameras is not null then
        return exists (select from camera c where c.id = any (cameras));
    end if;
    return (select whole from in_reach()) or exists (
        select from camera c
        where (units is null or c.unit = any (units)) and (purposes is null or c.purpose = any (purposes))
          and (below is null or c.owner = any (below) or c.manager = any (below)));
end
$$;
-- Whether the reader holds a post of the agency now, and whether one of a kind that confirms emergencies.
create function works_in(desk text) returns boolean language sql stable security definer as $$
    select exists (
        select from tenure t join post p on p.id = t.post
        where t.account = current_setting('khue.account', true) and p.agency = desk and p.closed is null
          and t.valid_from <= now() and (t.valid_to is null or t.valid_to > now()))
$$;
create function may_confirm() returns boolean language sql stable security definer as $$
    select exists (
        select from tenure t join post p on p.id = t.post
        join regulation_version v on v.id = regulation_in_force(now())
        where t.account = current_setting('khue.account', true) and p.closed is null
          and t.valid_from <= now() and (t.valid_to is null or t.valid_to > now())
          and v.settings -> 'break_glass' -> 'confirms' ? p.kind)
$$;

-- What people are called, without what lets them in.
create view person as select id, display_name from account;

grant select on access_request, emergency, person to khue_reader;
create policy access_request_seen_by on access_request for select to khue_reader using (
    account = current_setting('khue.account', true)
    or (current_setting('khue.right', true) in ('approve', 'audit') and reaches_some_of(cameras, units, fleets, camera_purposes))
    or (kind = 'second' and current_setting('khue.right', true) = 'see' and works_in(agency)
        and not exists (select from unnest(cameras) asked where not exists (select from camera c where c.id = asked))));
alter table access_request enable row level security;
create policy emergency_seen_by on emergency for select to khue_reader using (
    account = current_setting('khue.account', true) or confirmed_by = current_setting('khue.account', true)
    or (state = 'waiting' and (select may_confirm()))
    or (current_setting('khue.right', true) in ('approve', 'audit') and reaches_some_of(cameras, units, fleets, camera_purposes)));
alter table emergency enable row level security;
