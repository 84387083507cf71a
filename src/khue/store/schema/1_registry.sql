create extension if not exists ltree;
create table retention_class (
    name text primary key check (name ~ '^[a-z0-9][a-z0-9_-]{0,39}$'),
    days double precision not null check (days > 0),
    priority integer not null default 0  -- what a full disk costs first: the lowest
);

-- The registry: what cameras there are, whose, what for, where, on which line, and whether they are said to work.

create table unit (
    code text primary key check (code ~ '^\d{5}$'),  -- official; names differ in their tone marks
    name text not null,
    kind text not null check (kind in ('ward', 'commune')),
    latitude double precision not null,
    longitude double precision not null,
    area_km2 double precision not null
);

create table agency (
    id text primary key check (id ~ '^[a-z0-9][a-z0-9-]{0,63}$'),
    name text not null unique check (name <> ''),
    kind text not null check (kind in ('city', 'police', 'department', 'ward', 'commune', 'broadcaster', 'contractor', 'other')),
    parent text references agency,
    unit text references unit,
    search text not null,  -- name and id in lower case without marks
    created timestamptz not null default now(),
    path ltree  -- kept by a trigger
);

-- The scheme counts purposes in groups; what it needs of each may be decided anew, from a date.
create table purpose (
    id text primary key,
    quota_group text not null check (quota_group in ('order', 'defence', 'state', 'broadcast')),
    retention_class text references retention_class,  -- both as the regulation in force says, for new cameras
    disclosure text check (disclosure in ('located', 'area', 'counted'))
);

create table quota (
    quota_group text not null,
    needed integer not null check (needed >= 0),
    valid_from date not null,
    decision text not null,
    primary key (quota_group, valid_from)
);

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
    number integer generated always as identity unique,  -- short, for maps and lists of the whole fleet
    code text check (code <> ''),  -- as painted on the pole or in the agency's own books
    family text not null default '',
    model text not null default '',
    kind text check (kind in ('ptz', 'fixed')),
    megapixels double precision check (megapixels > 0),
    serial text not null default '',
    mac macaddr,
    host text not null default '',  -- its address on the site's network
    address text not null default '',
    unit text references unit,
    mounting text check (mounting in ('pole', 'wall', 'gantry', 'building', 'traffic_light', 'other')),
    height_m double precision check (height_m between 0 and 200),
    bearing double precision check (bearing >= 0 and bearing < 360),  -- degrees from north, clockwise
    view_angle double precision check (view_angle > 0 and view_angle <= 360),
    range_m double precision check (range_m > 0 and range_m <= 20000),
    owner text references agency,
    manager text references agency,
    purpose text references purpose,
    link text check (link in ('private_fibre', 'leased', 'borrowed')),
    upload_kbps integer check (upload_kbps > 0),  -- what the line's owner lets us send
    quiet_from time,
    quiet_to time,
    life text not null default 'operating' check (life in (
    'proposed', 'approved', 'installed', 'accepted', 'operating', 'faulty', 'under_repair', 'suspended', 'removed')),
    life_since date not null default current_date,
    declared_working boolean,  -- null: nobody says
    installed_on date,
    contract text not null default '',
    supplier text not null default '',
    warranty_until date,
    disclosure text not null default 'area' check (disclosure in ('located', 'area', 'counted')),
    sign_present boolean,
    contact_point text not null default '',
    security text not null default 'unknown' check (security in ('unknown', 'fails', 'partial', 'meets')),
    note text not null default '',
    revision integer not null default 1,  -- grows with each change: an edit of an old one is refused
    check ((latitude is null) = (longitude is null)),
    check ((quiet_from is null) = (quiet_to is null)),
    check (purpose is distinct from 'defence' or disclosure = 'counted')
);
create index camera_by_name on camera (lower(name), id) where deleted is null;
create index camera_by_unit on camera (unit) include (number, purpose);
create index camera_by_owner on camera (owner) include (number, purpose);
create index camera_by_manager on camera (manager) include (number, purpose);
create index camera_by_place on camera (latitude, longitude) where deleted is null;
create unique index camera_by_mac on camera (mac) where deleted is null;
create index camera_by_serial on camera (lower(serial)) where deleted is null and serial <> '';

-- What a camera was, from when to when. Written by the database itself, whoever changes the row; never changed but to end.
create table camera_version (
    id bigint generated always as identity primary key,
    camera text not null,  -- no reference: only the triggers below write it, and checking it again is half their cost
    facts jsonb not null,  -- the row, without what is sealed and what is null
    valid_from timestamptz not null,  -- when it became true in the street, as far as anybody said
    valid_to timestamptz not null default 'infinity',
    recorded timestamptz not null default clock_timestamp(),  -- when somebody told us
    actor text not null check (actor <> ''),
    reason text not null default '',
    source text not null default '',  -- 'import ID', 'bulk edit ID', ...
    check (valid_from <= valid_to)
);
create index camera_version_by_camera on camera_version (camera, valid_from);
create unique index camera_version_now on camera_version (camera) where valid_to = 'infinity';

-- Settings of the transaction: khue.actor (required), khue.reason, khue.source, khue.effective.
create function camera_facts(c camera) returns jsonb language sql stable as $$
    select jsonb_strip_nulls(to_jsonb(c)) - '{credentials,search,revision}'::text[]
$$;

create function change_actor() returns text language plpgsql stable as $$
begin
    if coalesce(current_setting('khue.actor', true), '') = '' then
        raise exception 'a change of the registry needs somebody who makes it (khue.actor)';
    end if;
    return current_setting('khue.actor');
end
$$;

create function change_effective() returns timestamptz language sql stable as $$
    select least(coalesce(nullif(current_setting('khue.effective', true), '')::timestamptz, now()), now())
$$;

create function camera_added() returns trigger language plpgsql as $$
declare
    who text := change_actor();
    since timestamptz := change_effective();
    why text := coalesce(current_setting('khue.reason', true), '');
    origin text := coalesce(current_setting('khue.source', true), '');
begin
    -- A camera that is registered late was there since it was installed.
    insert into camera_version (camera, facts, valid_from, actor, reason, source)
    select n.id, camera_facts(n), least(since, n.installed_on::timestamptz), who, why, origin from new_rows n;
    return null;
end
$$;

create function camera_changed() returns trigger language plpgsql as $$
declare
    who text := change_actor();
    since timestamptz := change_effective();
    why text := coalesce(current_setting('khue.reason', true), '');
    origin text := coalesce(current_setting('khue.source', true), '');
begin
    -- Compared with the version in force, so that what is sealed or only searched in makes no new one.
    with changed as materialized (
        select n.id, camera_facts(n) as facts from new_rows n join old_rows o on o.id = n.id where n.revision <> o.revision
    ), ended as (
        update camera_version v set valid_to = greatest(since, v.valid_from)
        from changed c where v.camera = c.id and v.valid_to = 'infinity' and v.facts <> c.facts
        returning v.camera, v.valid_to, c.facts
    )
    insert into camera_version (camera, facts, valid_from, actor, reason, source)
    select e.camera, e.facts, e.valid_to, who, why, origin from ended e;
    return null;
end
$$;
create trigger camera_is_added after insert on camera referencing new table as new_rows
    for each statement execute function camera_added();
create trigger camera_is_changed after update on camera referencing old table as old_rows new table as new_rows
    for each statement execute function camera_changed();

create function camera_revised() returns trigger language plpgsql as $$
begin
    new.revision = old.revision + 1;
    return new;
end
$$;
create trigger camera_is_revised before update on camera for each row when (old.* is distinct from new.*)
    execute function camera_revised();

-- A new camera of which nobody says otherwise is kept and disclosed as its purpose is.
create function camera_is_regulated() returns trigger language plpgsql as $$
declare
    said purpose;
begin
    select * into said from purpose p where p.id = new.purpose;
    new.retention_class := coalesce(new.retention_class, said.retention_class, 'default');
    new.disclosure := coalesce(new.disclosure, said.disclosure, 'area');
    return new;
end
$$;
create trigger camera_takes_from_its_purpose before insert on camera
    for each row when (new.retention_class is null or new.disclosure is null) execute function camera_is_regulated();

-- Where a camera's pictures came from over time, without what is sealed. Written by the database itself.
create table camera_stream_change (
    id bigint generated always as identity primary key,
    camera text not null,
    stream text not null,
    before jsonb,  -- null: there was none
    after jsonb,
    actor text not null check (actor <> ''),
    reason text not null default '',
    source text not null default '',
    recorded timestamptz not null default clock_timestamp()
);
create index camera_stream_change_by_camera on camera_stream_change (camera, id);

-- Steps a camera's life may take, and the steps it took. A transition is dated by when it happened, not when it was typed in.
create table life_step (
    before text not null,
    after text not null,
    primary key (before, after)
);

create table life_transition (
    id bigint generated always as identity primary key,
    camera text not null references camera,
    happened date not null,
    before text not null,
    after text not null,
    reason text not null check (reason <> ''),
    actor text not null check (actor <> ''),
    recorded timestamptz not null default clock_timestamp(),
    foreign key (before, after) references life_step
);
create index life_transition_by_camera on life_transition (camera, id);
create trigger life_transition_is_append_only before update or delete or truncate on life_transition
    for each statement execute function refuse_change();

-- A resident's word that the camera may use the resident's line. Ended, never deleted while the camera is in the books.
create table consent (
    id text primary key,
    camera text not null references camera,
    contact bytea not null,  -- AES-256-GCM: name, telephone, address of a private person
    document text not null default '',
    given_on date not null,
    expires_on date check (expires_on > given_on),
    withdrawn_on date check (withdrawn_on >= given_on),
    upload_kbps integer check (upload_kbps > 0),
    quiet_from time,
    quiet_to time,
    recorded timestamptz not null default clock_timestamp(),
    recorded_by text not null,
    withdrawn_reason text not null default '',
    withdrawn_by text not null default '',
    withdrawn_at timestamptz,
    check ((quiet_from is null) = (quiet_to is null))
);
create unique index consent_in_force on consent (camera) where withdrawn_on is null;

-- QCVN 11:2026/BCA, per camera: what was found about each of its eleven groups, when, by whom, on what evidence. The newest counts.
create table security_finding (
    id bigint generated always as identity primary key,
    camera text not null references camera,
    topic text not null check (topic in (
        'passwords', 'vulnerability_disclosure', 'signed_updates', 'protected_keys',
        'encrypted_channels', 'unused_interfaces_off', 'input_validation', 'failure_recovery', 'user_data_deletion',
        'storage_in_vietnam', 'protected_logs')),
    result text not null check (result in ('pass', 'fail', 'not_applicable', 'unknown')),
    evidence text not null default '',
    checked_on date not null,
    actor text not null check (actor <> ''),
    recorded timestamptz not null default clock_timestamp()
);
create index security_finding_by_camera on security_finding (camera, topic, checked_on desc, id desc);
create trigger security_finding_is_append_only before update or delete or truncate on security_finding
    for each statement execute function refuse_change();

-- One change of many cameras, what it wrote to each, and what stood there before: so it can be undone.
create table bulk_edit (
    id text primary key,
    account text not null references account,
    actor text not null check (actor <> ''),
    reason text not null check (reason <> ''),
    query jsonb not null,
    changes jsonb not null,
    changed integer not null,
    applied timestamptz not null default now(),
    undone timestamptz,
    undone_by text
);
create index bulk_edit_by_time on bulk_edit (applied desc, id);

create table bulk_edit_row (
    edit text not null references bulk_edit,
    camera text not null,
    before jsonb not null,  -- of the fields that changed
    after jsonb not null,
    primary key (edit, camera)
);

create table saved_filter (
    id text primary key,
    account text not null references account on delete cascade,
    name text not null check (name <> ''),
    query jsonb not null,
    shared boolean not null default false,
    created timestamptz not null default now(),
    unique (account, name)
);

-- Finding words anywhere in a name needs trigrams. In front of row security PostgreSQL uses an index only for operators
-- that are known to give nothing away; LIKE can fail for its pattern alone, which is the asker's own, so it is one.
create extension if not exists pg_trgm;
create index camera_by_search on camera using gin (search gin_trgm_ops) where deleted is null;

-- What is counted, drawn and shown of the whole fleet at once, and what nodes tell of it every few seconds.

-- Lists go by name without marks, then by what else stands in the line that is searched. With what row security, the usual
-- filters and the other orders ask, so that the whole fleet is searched and put in order without touching the table.
create index camera_by_order on camera (search, number)
    include (id, unit, owner, manager, purpose, life, link, kind, declared_working, enabled, code, life_since, installed_on)
    where deleted is null;

-- Most cameras are today what they were on the day that is asked for: these are read from the table itself.
create index camera_version_since on camera_version (camera) include (valid_from) where valid_to = 'infinity';
create index camera_version_ended on camera_version (valid_to, valid_from) where valid_to <> 'infinity';
