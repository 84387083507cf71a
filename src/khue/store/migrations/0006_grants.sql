-- Who may touch it: the tree of agencies, posts and who holds them, grants and what is derived from them, the regulation in
-- force, and from these what each account reaches. The policies of every table of cameras read it from here.

create extension if not exists ltree;

-- The tree, kept by the database itself, and links across it (a ward's police also answers to a division of the city's).
alter table agency add column path ltree;
create index agency_by_path on agency using gist (path);
create function agency_paths() returns trigger language plpgsql as $$
begin
    with recursive tree (id, path) as (
        select id, text2ltree(id) from agency where parent is null
        union all select a.id, t.path || a.id from agency a join tree t on a.parent = t.id
    )
    update agency a set path = t.path from tree t where a.id = t.id and a.path is distinct from t.path;
    -- What was derived within a fleet ends when its agency is no longer of that fleet.
    if tg_op = 'UPDATE' then
        update access_grant g
        set revoked = now(), revoked_by = 'tree', revoked_reason = 'an agency was moved out of the fleet it is derived from'
        from access_grant p
        where g.parent = p.id and g.revoked is null and p.revoked is null and p.fleets is not null
          and not g.fleets <@ with_agencies_below(p.fleets);
    end if;
    return null;
end
$$;
create trigger agency_is_placed after insert or update of parent on agency
    for each statement execute function agency_paths();
with recursive tree (id, path) as (
    select id, text2ltree(id) from agency where parent is null
    union all select a.id, t.path || a.id from agency a join tree t on a.parent = t.id
)
update agency a set path = t.path from tree t where a.id = t.id;

create table agency_link (
    from_agency text not null references agency,
    to_agency text not null references agency,
    kind text not null check (kind in ('directs', 'supervises', 'coordinates')),
    valid_from date not null default current_date,
    valid_to date check (valid_to > valid_from),
    basis text not null default '',
    primary key (from_agency, to_agency, kind, valid_from),
    check (from_agency <> to_agency)
);

-- A post is a desk, not a person; its kind is a word of the regulation, which says what such a post may do.
create table post (
    id text primary key check (id ~ '^[a-z0-9][a-z0-9-]{0,63}$'),
    agency text references agency,
    account text unique references account on delete cascade,  -- its personal post: what the account itself was appointed to
    kind text not null check (kind ~ '^[a-z][a-z0-9_]{0,39}$'),
    title text not null check (title <> ''),
    title_en text not null default '',
    closed timestamptz,
    created timestamptz not null default now(),
    check ((agency is null) = (account is not null))
);
create index post_by_agency on post (agency);
create table tenure (
    id bigint generated always as identity primary key,
    account text not null references account on delete cascade,
    post text not null references post on delete cascade,
    valid_from timestamptz not null default now(),
    valid_to timestamptz check (valid_to >= valid_from),
    basis text not null check (basis <> ''),  -- number of the decision that appoints
    given_by text not null,
    created timestamptz not null default now()
);
create index tenure_by_account on tenure (account);
create index tenure_by_post on tenure (post);

create table camera_group (
    id text primary key check (id ~ '^[a-z0-9][a-z0-9-]{0,63}$'),
    name text not null check (name <> ''),
    agency text references agency,
    created timestamptz not null default now(),
    created_by text not null
);
create table camera_group_member (
    camera_group text not null references camera_group on delete cascade,
    camera text not null references camera,
    primary key (camera_group, camera)
);
create index camera_group_member_by_camera on camera_group_member (camera);

-- The regulation, version by version. In force is the one activated last.
create table regulation_version (
    id text primary key check (id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
    title text not null,
    title_en text not null,
    document text not null,  -- number of the decision
    timezone text not null default 'Asia/Ho_Chi_Minh',
    files jsonb not null,  -- name to text, as they were loaded
    digest text not null,  -- SHA-256 of them
    settings jsonb not null,  -- retention, break-glass, deadlines, passwords, disclosure: what is not a rule or a clause
    loaded timestamptz not null default now(),
    loaded_by text not null,
    valid_from timestamptz,  -- null: loaded and not activated
    activated timestamptz,
    activated_by text
);
create table regulation_clause (
    version text not null references regulation_version on delete cascade,
    clause text not null,
    vi text not null,
    en text not null,
    primary key (version, clause)
);
create table regulation_rule (
    version text not null references regulation_version on delete cascade,
    kind text not null,  -- of post
    right_name text not null check (right_name in (
        'see', 'live', 'playback', 'export', 'ptz', 'manage', 'onboard', 'approve', 'audit', 'administer')),
    purposes text[],  -- that may be stated; null: any
    default_purpose text,  -- taken when none is stated
    needs_purpose boolean not null default false,
    needs_reason boolean not null default false,
    needs_case boolean not null default false,
    needs_second boolean not null default false,
    clause text not null,
    primary key (version, kind, right_name),
    foreign key (version, clause) references regulation_clause
);
create function regulation_in_force(at timestamptz) returns text language sql stable as $$
    select id from regulation_version where valid_from <= at order by valid_from desc, activated desc limit 1
$$;

-- A grant: a post or an agency may do these things with these cameras, for these purposes, in these hours, in this time.
-- A condition that is null holds for every camera; all conditions hold at once. It is never changed, only revoked.
create table access_grant (
    id text primary key,
    post text references post,
    agency text references agency,  -- everybody with a post in it or below it
    rights text[] not null check (cardinality(rights) > 0 and rights <@ array[
        'see', 'live', 'playback', 'export', 'ptz', 'manage', 'onboard', 'approve', 'audit', 'administer']),
    units text[],
    fleets text[],  -- agencies that own or manage the camera, with those below them
    camera_purposes text[],
    groups text[],  -- it is in every one of them
    cameras text[],
    defence boolean not null default false,  -- cameras of defence too
    purposes text[],  -- that may be stated; null: any
    hours_from time,  -- local to the city; past midnight when it ends before it starts
    hours_to time,
    weekdays smallint[],  -- 1 Monday to 7 Sunday
    valid_from timestamptz not null default now(),
    valid_to timestamptz check (valid_to > valid_from),
    passes smallint not null default 0 check (passes between 0 and 8),  -- how many times it may be handed on
    origin text not null check (origin in ('appointment', 'given', 'request', 'emergency')),
    parent text references access_grant,
    lineage text[] not null,  -- from the first grant it is derived from to itself
    given_by text not null,
    basis text not null check (basis <> ''),  -- number of the document
    note text not null default '',
    created timestamptz not null default now(),
    revoked timestamptz,
    revoked_by text,
    revoked_reason text not null default '',
    revoked_with text,  -- the grant above it that was revoked
    check ((post is null) <> (agency is null)),
    check ((hours_from is null) = (hours_to is null)),
    check ((parent is null) = (origin in ('appointment', 'emergency')))
);
create index access_grant_of_post on access_grant (post) where revoked is null;
create index access_grant_of_agency on access_grant (agency) where revoked is null;
create index access_grant_by_parent on access_grant (parent);
create index access_grant_approving on access_grant (post) where revoked is null and 'approve' = any (rights);  -- whom to ask
create index access_grant_by_lineage on access_grant using gin (lineage) where revoked is null;

-- What a second person said to one act: looked at by the gate when the regulation asks for two.
create table second_word (
    id text primary key,
    account text not null references account,
    right_name text not null,
    camera text not null,
    purpose text not null,
    case_number text not null,
    by_account text not null references account check (by_account <> account),
    valid_to timestamptz not null,
    created timestamptz not null default now()
);
create index second_word_of_account on second_word (account, camera);

-- Grows with every change of who may see what. Of several rows, so that those who change do not wait for each other; their
-- sum grows with each commit and with nothing else.
create table access_epoch (
    slot smallint primary key,
    changes bigint not null default 0
) with (fillfactor = 20);
insert into access_epoch (slot) select generate_series(0, 127);
create function access_changed() returns trigger language plpgsql as $$
begin
    -- Once in a transaction: nobody else sees any of it before it ends.
    if coalesce(current_setting('khue.changed', true), '') <> pg_current_xact_id()::text then
        update access_epoch set changes = changes + 1 where slot = pg_backend_pid() % 128;
        perform set_config('khue.changed', pg_current_xact_id()::text, true);
    end if;
    return null;
end
$$;
create function access_now() returns bigint language sql stable as $$ select sum(changes)::bigint from access_epoch $$;
create trigger agency_changes_access after insert or update or delete on agency
    for each statement execute function access_changed();
create trigger post_changes_access after insert or update or delete on post
    for each statement execute function access_changed();
create trigger tenure_changes_access after insert or update or delete on tenure
    for each statement execute function access_changed();
create trigger grant_changes_access after insert or update or delete on access_grant
    for each statement execute function access_changed();
create trigger member_changes_access after insert or update or delete on camera_group_member
    for each statement execute function access_changed();
create trigger regulation_changes_access after insert or update or delete on regulation_version
    for each statement execute function access_changed();
create trigger rule_changes_access after insert or update or delete on regulation_rule
    for each statement execute function access_changed();
create trigger camera_changes_access after insert or update of unit, owner, manager, purpose or delete on camera
    for each statement execute function access_changed();

-- What grants ask of cameras, answered without touching the table.
drop index camera_by_unit, camera_by_owner, camera_by_manager;
create index camera_by_unit on camera (unit) include (number, purpose);
create index camera_by_owner on camera (owner) include (number, purpose);
create index camera_by_manager on camera (manager) include (number, purpose);
create index camera_of_defence on camera (number) where purpose = 'defence';

-- Every grant somebody holds at an instant, through which post, and what the regulation says of such a post; hours apart.
create function standing(who text, at timestamptz, only_grants text[])
returns table (post text, kind text, holds access_grant) language sql stable as $$
    select p.id, p.kind, g
    from tenure t join post p on p.id = t.post join access_grant g on g.post = p.id
    where t.account = who and t.valid_from <= at and (t.valid_to is null or t.valid_to > at) and p.closed is null
      and g.revoked is null and g.valid_from <= at and (g.valid_to is null or g.valid_to > at)
      and (only_grants is null or g.id = any (only_grants))
    union all
    select p.id, p.kind, g
    from tenure t join post p on p.id = t.post join agency a on a.id = p.agency join agency up on a.path <@ up.path
    join access_grant g on g.agency = up.id
    where t.account = who and t.valid_from <= at and (t.valid_to is null or t.valid_to > at) and p.closed is null
      and g.revoked is null and g.valid_from <= at and (g.valid_to is null or g.valid_to > at)
      and (only_grants is null or g.id = any (only_grants))
$$;

create function in_hours(g access_grant, at timestamptz, timezone text) returns boolean language sql stable as $$
    select (g.weekdays is null or extract(isodow from at at time zone timezone)::smallint = any (g.weekdays))
       and (g.hours_from is null
            or case when g.hours_from <= g.hours_to
                   then (at at time zone timezone)::time >= g.hours_from and (at at time zone timezone)::time < g.hours_to
                   else (at at time zone timezone)::time >= g.hours_from or (at at time zone timezone)::time < g.hours_to
               end)
$$;

create function with_agencies_below(agencies text[]) returns text[] language sql stable as $$
    select coalesce(array_agg(distinct a.id), '{}') from agency up join agency a on a.path <@ up.path where up.id = any (agencies)
$$;

-- Whether a camera of such a place, owner, manager and purpose is one the grant is about.
create function grant_covers(
    g access_grant, camera text, camera_unit text, camera_owner text, camera_manager text, camera_purpose text
) returns boolean language sql stable as $$
    select (g.defence or camera_purpose is distinct from 'defence')
       and (g.units is null or coalesce(camera_unit = any (g.units), false))
       and (g.camera_purposes is null or coalesce(camera_purpose = any (g.camera_purposes), false))
       and (g.cameras is null or coalesce(camera = any (g.cameras), false))
       and (g.fleets is null or exists (
            select from agency a join agency up on a.path <@ up.path
            where a.id in (camera_owner, camera_manager) and up.id = any (g.fleets)))
       and (g.groups is null or not exists (
            select from unnest(g.groups) as wanted
            where not exists (select from camera_group_member m where m.camera_group = wanted and m.camera = grant_covers.camera)))
$$;

-- The next instant at which what somebody may do can change by the clock alone.
create function access_until(who text, at timestamptz) returns timestamptz language sql stable as $$
    with held as (
        select t.valid_from, t.valid_to, p.id, p.agency from tenure t join post p on p.id = t.post where t.account = who
    ), granted as (
        select g.valid_from, g.valid_to, g.hours_from, g.weekdays from access_grant g join held h on g.post = h.id where g.revoked is null
        union all
        select g.valid_from, g.valid_to, g.hours_from, g.weekdays
        from held h join agency a on a.id = h.agency join agency up on a.path <@ up.path join access_grant g on g.agency = up.id
        where g.revoked is null
    )
    select least(
        (select min(e) from held, unnest(array[valid_from, valid_to]) e where e > at),
        (select min(e) from granted, unnest(array[valid_from, valid_to]) e where e > at),
        (select date_trunc('minute', at) + interval '1 minute' from granted
         where hours_from is not null or weekdays is not null limit 1),
        (select min(valid_from) from regulation_version where valid_from > at),
        at + interval '1 hour')
$$;

-- What an account reaches with one right: a bit for each camera, by its number. Kept until anything changes (access_epoch) or
-- the clock passes ``until``; worked out anew by whoever asks when it is not current, so that keeping it changes no answer.
create unlogged table reach (
    account text not null,
    right_name text not null,
    only_grants text not null,  -- '' for all the account holds
    epoch bigint not null,
    until timestamptz not null,
    everything boolean not null,  -- no camera is hidden
    whole boolean not null,  -- none but those of defence
    defence boolean not null,  -- some grant reaches defence
    bits bytea not null,
    primary key (account, right_name, only_grants)
);

create function bits_of(numbers integer[]) returns bytea language sql stable as $$
    with bytes as (
        select n / 8 as place, sum(1 << (n % 8)) as value from (select distinct unnest(numbers) as n) distinct_numbers group by 1
    )
    select coalesce(string_agg(set_byte('\x00', 0, coalesce(b.value, 0)::integer), '' order by i), '')
    from generate_series(0, (select max(place) from bytes)) i left join bytes b on b.place = i
$$;

-- What these grants reach together, whatever their hours.
create function reach_of(grants access_grant[],
    out everything boolean, out whole boolean, out defence boolean, out bits bytea)
language plpgsql stable as $$
declare
    g access_grant;
    condition text;
    found integer[];
    numbers integer[] := '{}';
    units text[] := '{}';
    fleets text[] := '{}';
    n integer;
begin
    whole := false;
    everything := false;
    defence := false;
    foreach g in array grants loop
        defence := defence or g.defence;
        if g.units is null and g.fleets is null and g.camera_purposes is null and g.groups is null and g.cameras is null then
            whole := true;
            everything := everything or g.defence;
        end if;
    end loop;
    foreach g in array grants loop
        exit when everything;
        continue when whole and not g.defence;
        if g.camera_purposes is null and g.groups is null and g.cameras is null and not g.defence
           and (g.units is null) <> (g.fleets is null) then
            -- The usual ones, together: a place, or a fleet.
            units := units || coalesce(g.units, '{}');
            fleets := fleets || coalesce(g.fleets, '{}');
            continue;
        end if;
        condition := concat_ws(' and ', 'true',
            case when not g.defence then 'purpose is distinct from ''defence''' end,
            case when g.units is not null then 'unit = any ($1)' end,
            case when g.fleets is not null then '(owner = any ($2) or manager = any ($2))' end,
            case when g.camera_purposes is not null then 'purpose = any ($3)' end,
            case when g.cameras is not null then 'id = any ($4)' end,
            case when g.groups is not null then 'id in (select m.camera from camera_group_member m where m.camera_group = any ($5)
                group by m.camera having count(*) = cardinality($5))' end);
        execute 'select array_agg(number) from camera where ' || condition into found
        using g.units, with_agencies_below(g.fleets), g.camera_purposes, g.cameras,
              array(select distinct x from unnest(g.groups) x);
        numbers := numbers || coalesce(found, '{}');
    end loop;
    if units <> '{}' or fleets <> '{}' then
        fleets := with_agencies_below(fleets);
        select array_agg(u.number) into found from (
            select c.number from camera c where c.unit = any (units) and c.purpose is distinct from 'defence'
            union all select c.number from camera c where c.owner = any (fleets) and c.purpose is distinct from 'defence'
            union all select c.number from camera c where c.manager = any (fleets) and c.purpose is distinct from 'defence') u;
        numbers := numbers || coalesce(found, '{}');
    end if;
    if not whole then
        bits := bits_of(numbers);
        return;
    end if;
    -- Every bit, up to the newest camera; then without those of defence, but for the ones that are reached by name.
    bits := decode(repeat('ff', (select coalesce(max(number), 0) / 8 + 1 from camera)), 'hex');
    if not everything then
        for n in select number from camera where purpose = 'defence' and not number = any (numbers) loop
            bits := set_bit(bits, n, 0);
        end loop;
    end if;
end
$$;
create function reach_worked_out(who text, wanted text, only_grants text[],
    out everything boolean, out whole boolean, out defence boolean, out bits bytea)
language sql stable as $$
    select r.everything, r.whole, r.defence, r.bits
    from reach_of(array(
        select s.holds
        from standing(who, statement_timestamp(), only_grants) s
        join regulation_version v on v.id = regulation_in_force(statement_timestamp())
        join regulation_rule rule on rule.version = v.id and rule.kind = s.kind and rule.right_name = wanted
        where wanted = any ((s.holds).rights) and in_hours(s.holds, statement_timestamp(), v.timezone))) r
$$;

-- Of the account, the right and the grants the transaction is set to (khue.account, khue.right, khue.grants).
create function in_reach(out everything boolean, out whole boolean, out defence boolean, out bits bytea)
language plpgsql stable security definer as $$
declare
    who text := coalesce(current_setting('khue.account', true), '');
    wanted text := coalesce(nullif(current_setting('khue.right', true), ''), 'see');
    held_to text := coalesce(current_setting('khue.grants', true), '');
begin
    if who = '' then
        everything := false; whole := false; defence := false; bits := '';
        return;
    end if;
    select r.everything, r.whole, r.defence, r.bits || ''::bytea into everything, whole, defence, bits  -- out of line no longer
    from reach r
    where r.account = who and r.right_name = wanted and r.only_grants = held_to
      and r.epoch = access_now() and r.until > statement_timestamp();
    if bits is null then
        select w.everything, w.whole, w.defence, w.bits into everything, whole, defence, bits
        from reach_worked_out(who, wanted, string_to_array(nullif(held_to, ''), ',')) w;
    end if;
end
$$;
create function reach_bits() returns bytea language sql stable as $$ select bits from in_reach() $$;
create function reaches_all() returns boolean language sql stable as $$ select everything from in_reach() $$;
create function reaches_whole_city() returns boolean language sql stable as $$ select whole from in_reach() $$;
create function reaches_defence() returns boolean language sql stable as $$ select defence from in_reach() $$;

-- Keeps it for the statements to come. Called before reading; says nothing new and is not needed for the answer to be right.
create function keep_reach(who text, wanted text, held_to text) returns void language plpgsql as $$
declare
    now_at bigint := access_now();
    ends timestamptz;
begin
    if exists (select from reach r where r.account = who and r.right_name = wanted and r.only_grants = held_to
               and r.epoch = now_at and r.until > statement_timestamp()) then
        return;
    end if;
    ends := access_until(who, statement_timestamp());
    insert into reach (account, right_name, only_grants, epoch, until, everything, whole, defence, bits)
    select who, wanted, held_to, now_at, ends, w.everything, w.whole, w.defence, w.bits
    from reach_worked_out(who, wanted, string_to_array(nullif(held_to, ''), ',')) w
    on conflict (account, right_name, only_grants) do update
    set epoch = excluded.epoch, until = excluded.until, everything = excluded.everything, whole = excluded.whole, defence = excluded.defence,
        bits = excluded.bits
    where reach.epoch <= excluded.epoch;
end
$$;

-- One decision: may ``who`` do ``wanted`` with ``camera`` ('' for what is about no single camera), stating ``purpose``?
-- allowed; or unknown (there is no such camera, as far as they may know), no_right, kind (the regulation gives such posts no
-- such right), hours, purpose (not this one), purpose_needed. Hidden and missing cameras take the same way through.
create function decide(who text, wanted text, camera_id text, stated text, only_grants text[])
returns table (verdict text, grant_id text, post text, post_kind text, version text, clause text, purpose text,
               needs_reason boolean, needs_case boolean, needs_second boolean, until timestamptz)
language plpgsql stable as $$
declare
    at timestamptz := statement_timestamp();
    force text := regulation_in_force(at);
    zone text := (select v.timezone from regulation_version v where v.id = force);
    c camera;
    s record;
    visible boolean := camera_id = '';
    best integer := 0;
    rank integer;
    said text;
    extra record;
begin
    select * into c from camera x where x.id = camera_id and x.deleted is null;
    verdict := 'no_right';
    version := force;
    for s in
        select h.post, h.kind, (h.holds).id as id, h.holds as holds, r.right_name, r.purposes, r.default_purpose, r.needs_purpose,
               r.needs_reason, r.needs_case, r.needs_second, r.clause, (h.holds).purposes as for_purposes,
               in_hours(h.holds, at, zone) as now_on, wanted = any ((h.holds).rights) as has,
               camera_id = '' or coalesce(grant_covers(h.holds, c.id, c.unit, c.owner, c.manager, c.purpose), false) as covers,
               exists (select from regulation_rule v
                       where v.version = force and v.kind = h.kind and v.right_name = 'see'
                         and 'see' = any ((h.holds).rights)) as sees
        from standing(who, at, only_grants) h
        left join regulation_rule r on r.version = force and r.kind = h.kind and r.right_name = wanted
        order by r.needs_second nulls last, r.needs_case, r.needs_reason, (h.holds).valid_to desc nulls first, (h.holds).id
    loop
        visible := visible or (s.covers and s.sees and s.now_on and c.id is not null);
        said := coalesce(nullif(stated, ''), s.default_purpose);
        rank := case
            when not s.has or not s.covers then 0
            when s.right_name is null then 1
            when not s.now_on then 2
            when (s.needs_purpose or (s.for_purposes is not null and wanted <> 'see')) and said is null then 4
            when (s.purposes is not null and said is not null and s.needs_purpose and not said = any (s.purposes))
              or (s.for_purposes is not null and wanted <> 'see' and not said = any (s.for_purposes)) then 3
            else 5
        end;
        if rank > best then
            best := rank;
            verdict := (array['kind', 'hours', 'purpose', 'purpose_needed', 'allowed'])[rank];
            grant_id := s.id; post := s.post; post_kind := s.kind; clause := s.clause; purpose := coalesce(said, '');
            needs_reason := s.needs_reason; needs_case := s.needs_case; needs_second := s.needs_second;
        end if;
    end loop;
    if not visible or (camera_id <> '' and c.id is null) then
        verdict := 'unknown'; grant_id := null; post := null; post_kind := null; clause := null; purpose := null;
    end if;
    if verdict = 'allowed' and c.purpose is not null then
        -- What the regulation asks besides for cameras of some purposes, such as a second person for those of defence.
        for extra in
            select a ->> 'clause' as clause, a -> 'needs' as needs
            from regulation_version v, jsonb_array_elements(coalesce(v.settings -> 'additions', '[]')) a
            where v.id = force and a -> 'rights' ? wanted and a -> 'camera_purposes' ? c.purpose
        loop
            needs_reason := needs_reason or extra.needs ? 'reason';
            needs_case := needs_case or extra.needs ? 'case';
            needs_second := needs_second or extra.needs ? 'second';
            clause := extra.clause;
        end loop;
    end if;
    until := access_until(who, at);
    return next;
end
$$;

-- An API token may be held to some of its account's grants.
alter table api_token add column grants text[] check (cardinality(grants) > 0);

-- The policies, over what is reached.
grant select on
    post, tenure, agency_link, camera_group, camera_group_member, access_grant, regulation_version, regulation_clause, regulation_rule
to khue_reader;
create or replace function reads_everything() returns boolean language sql stable as $$ select reaches_all() $$;
alter policy camera_seen_by on camera using (
    case when number < 8 * length((select reach_bits())) then get_bit((select reach_bits()), number) <> 0 else false end);
alter policy camera_version_seen_by on camera_version using (
    (select reads_everything())
    or (((select reaches_defence()) or facts ->> 'purpose' is distinct from 'defence')
        and exists (select from camera c where c.id = camera_version.camera)));
create policy camera_group_member_seen_by on camera_group_member for select to khue_reader using (
    (select reads_everything()) or exists (select from camera c where c.id = camera_group_member.camera));
alter table camera_group_member enable row level security;
