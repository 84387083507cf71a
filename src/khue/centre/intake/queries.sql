-- name: add_import
insert into import (id, name, account, actor, agency, mapping) values ($1, $2, $3, $4, $5, $6)

-- name: import_by_id
select * from import where id = $1

-- name: list_imports
-- $1 account, or null for everybody's.
select * from import where $1::text is null or account = $1 order by created desc limit $2

-- name: drop_import
delete from import where id = $1 and state in ('open', 'planned', 'undone', 'failed') returning id

-- name: interrupt
-- A replica that ended in the middle left nothing half done: its transaction was rolled back. What it was at can be begun again.
update import
set state = case state when 'planning' then 'open' when 'applying' then 'planned' else 'applied' end,
    error = 'interrupted; nothing was changed; begin it again', worker = '', progress = 0
where state in ('planning', 'applying', 'undoing') and lease_until < now()

-- name: claim
-- $2 new state, $3 worker, $4 lease, $5 states it may come from, $6 who does it.
update import
set state = $2, worker = $3, actor = $6, lease_until = now() + make_interval(secs => $4), progress = 0, error = ''
where id = $1 and state = any($5::text[])
returning *

-- name: advance
update import set progress = $3, lease_until = now() + make_interval(secs => $4)
where id = $1 and worker = $2 and state in ('planning', 'applying', 'undoing')
returning id

-- name: give_up
update import set state = $3, error = $4, worker = '', progress = 0 where id = $1 and worker = $2

-- name: reopen
-- A file or a mapping changed: the plan is of the past.
update import set state = 'open' where id = $1 and state in ('open', 'planned', 'undone', 'failed') returning id

-- name: old_files
select import, name, object from import_file f
where kept and exists (
    select from import i where i.id = f.import and i.state not in ('planning', 'applying', 'undoing')
      and greatest(i.created, i.planned, i.applied, i.undone) < now() - make_interval(days => $1))
limit 100

-- name: forget_file
update import_file set kept = false where import = $1 and name = $2

-- name: forget_sealed
-- What waits for nothing any more: imports that were never applied, or were undone.
delete from import_sealed s using import i
where i.id = s.import and i.state in ('open', 'planned', 'undone', 'failed')
  and greatest(i.created, i.planned, i.undone) < now() - make_interval(days => $1)

-- name: put_file
insert into import_file (import, name, object, bytes, sheets, mappings) values ($1, $2, $3, $4, $5, $6)
on conflict (import, name) do update
set object = excluded.object, bytes = excluded.bytes, sheets = excluded.sheets, mappings = excluded.mappings, kept = true

-- name: file_objects
select name, object from import_file where import = $1 and ($2::text is null or name = $2)

-- name: files_of
select name, object, bytes, sheets, mappings, kept from import_file where import = $1 order by name collate "C"

-- name: set_mappings
update import_file set mappings = $3, sheets = $4 where import = $1 and name = $2

-- name: put_mapping
insert into import_mapping (id, name, agency, signature, mapping, created_by) values ($1, $2, $3, $4, $5, $6)
on conflict (name) do update
set agency = excluded.agency, signature = excluded.signature, mapping = excluded.mapping, created = now(),
    created_by = excluded.created_by

-- name: mapping_by_signature
-- The newest that fits; one of that name before others.
select name, mapping from import_mapping where signature = $1 order by name = $2 desc, created desc limit 1

-- name: mapping_by_name
select id, name, agency, signature, mapping from import_mapping where name = $1

-- name: list_mappings
select id, name, agency, mapping, created, created_by from import_mapping order by name

-- name: drop_mapping
delete from import_mapping where id = $1 returning id

-- name: list_agencies
select id, name, kind, unit from agency order by id

-- name: list_units
select code, name from unit

-- name: retention_names
select name from retention_class

-- name: life_steps
select before, after from life_step

-- name: newest_version
select coalesce(max(id), 0) from camera_version

-- name: known_cameras
-- As JSON, which goes through to the clerk unread; $1 id to go on after, $2 limit.
select max(k.id) as last, json_agg(row_to_json(k))::text as cameras
from (
    select c.id, c.revision, c.name, c.code, c.vendor, c.family, c.model, c.kind, c.megapixels, c.serial, c.mac, c.host,
           c.latitude, c.longitude, c.address, c.unit, c.mounting, c.height_m, c.bearing, c.view_angle, c.range_m,
           c.owner, c.manager, c.purpose, c.link, c.upload_kbps, c.quiet_from, c.quiet_to, c.life, c.life_since,
           c.declared_working, c.installed_on, c.contract, c.supplier, c.warranty_until, c.disclosure, c.sign_present,
           c.contact_point, c.site, c.retention_class, c.enabled, c.note, c.search,
           translate(encode(c.credentials, 'base64'), E'\n', '') as credentials,
           translate(encode(m.url, 'base64'), E'\n', '') as main, m.shown_url as main_shown,
           translate(encode(s.url, 'base64'), E'\n', '') as sub, s.shown_url as sub_shown,
           o.camera is not null as consent
    from camera c
    left join camera_stream m on m.camera = c.id and m.name = 'main'
    left join camera_stream s on s.camera = c.id and s.name = 'sub'
    left join consent o on o.camera = c.id and o.withdrawn_on is null
    where c.deleted is null and c.id > $1
    order by c.id
    limit $2
) k

-- name: drop_rows
delete from import_row where import = $1

-- name: drop_sealed
delete from import_sealed where import = $1

-- name: count_outcomes
select outcome, count(*) as count from import_row where import = $1 group by outcome

-- name: count_reasons
select r.outcome, reason as code, count(*) as count
from import_row r, unnest(r.reasons) as reason
where r.import = $1
group by r.outcome, reason
order by count(*) desc, reason

-- name: finish_plan
update import
set state = 'planned', progress = 1, counts = $3, by_reason = $4, agencies = $5, scope = $6, seen = $7, planned = clock_timestamp(),
    kept = '[]', worker = ''
where id = $1 and worker = $2 and state = 'planning'
returning id

-- name: rows_of
-- $2 outcome or '', $3 reason or '', $4 ordinal to go on after, $5 limit.
select ordinal, file, sheet, row, outcome, reasons, camera, duplicate_of, values, written, before, problems, notes,
       (select array_agg(s.kind order by s.kind) from import_sealed s
        where s.import = r.import and s.ordinal = r.ordinal) as sealed
from import_row r
where import = $1 and ordinal > $4 and ($2 = '' or outcome = $2) and ($3 = '' or $3 = any(reasons))
order by ordinal
limit $5

-- name: judged_rows
-- For the corrected sheet: of one file, after this ordinal.
select ordinal, sheet, row, outcome, camera, duplicate_of::text, values::text, problems::text, notes::text
from import_row
where import = $1 and file = $2 and ordinal > $3 and outcome <> 'skipped'
order by ordinal
limit $4

-- name: lock_intake
-- One import changes the registry at a time.
select pg_advisory_xact_lock(1802002278)

-- name: refuse_changed
-- Cameras somebody changed or took out since the plan: refused rather than overwritten.
update import_row r
set outcome = 'refused', reasons = '{changed_since_plan}', camera = null, problems = $2
where r.import = $1 and r.outcome = 'changed'
  and not exists (select from camera c where c.id = r.camera and c.deleted is null and c.revision = r.revision)

-- name: refuse_known_since
-- New rows whose device somebody registered since the plan: by serial number, MAC, code, or name and place.
with since as (
    select distinct c.id, c.serial, c.mac, c.code, c.owner, lower(c.name) as name, c.unit, c.latitude, c.longitude
    from camera_version v join camera c on c.id = v.camera
    where v.id > $3 and c.deleted is null
), known as (
    select distinct r.ordinal
    from import_row r join since s on
        (s.serial <> '' and lower(s.serial) = lower(r.values ->> 'serial'))
        or s.mac = (r.values ->> 'mac')::macaddr
        or (s.code = r.values ->> 'code' and coalesce(s.owner, '') = coalesce(r.values ->> 'owner', ''))
        or (s.name = lower(r.values ->> 'name') and s.unit = r.values ->> 'unit'
            and s.owner is not distinct from r.values ->> 'owner'
            and abs(s.latitude - (r.values ->> 'lat')::float8) < 0.00015
            and abs(s.longitude - (r.values ->> 'lon')::float8) < 0.00015)
    where r.import = $1 and r.outcome = 'created'
)
update import_row r set outcome = 'refused', reasons = '{changed_since_plan}', camera = null, problems = $2
from known k where r.import = $1 and r.ordinal = k.ordinal

-- name: measure_rows
-- Statistics of rows that came a moment ago; without them the joins below are planned for none.
analyze import_row (import, ordinal, outcome), import_sealed (import, ordinal, kind)

-- name: add_agencies
insert into agency (id, name, kind, unit, search)
select a.id, a.name, a.kind, a.unit, a.search
from jsonb_to_recordset($1::jsonb) as a (id text, name text, kind text, unit text, search text)
on conflict do nothing

-- name: ordinals
select coalesce(max(ordinal), 0) from import_row where import = $1

-- name: create_cameras
-- $2 to $3 are ordinals; $4 what a camera is that says nothing.
insert into camera (
    id, name, code, vendor, family, model, kind, megapixels, serial, mac, host, latitude, longitude, address, unit, mounting,
    height_m, bearing, view_angle, range_m, owner, manager, purpose, link, upload_kbps, quiet_from, quiet_to, life, life_since,
    declared_working, installed_on, contract, supplier, warranty_until, disclosure, sign_present, contact_point, site,
    retention_class, enabled, note, search, credentials)
select r.camera, n.name, n.code, n.vendor, n.family, n.model, n.kind, n.megapixels, n.serial, n.mac, n.host, n.latitude,
       n.longitude, n.address, n.unit, n.mounting, n.height_m, n.bearing, n.view_angle, n.range_m, n.owner, n.manager,
       n.purpose, n.link, n.upload_kbps, n.quiet_from, n.quiet_to, n.life, coalesce(n.life_since, current_date),
       n.declared_working, n.installed_on, n.contract, n.supplier, n.warranty_until, n.disclosure, n.sign_present,
       n.contact_point, n.site, n.retention_class, n.enabled, n.note, r.search, s.value
from import_row r
left join import_sealed s
    on s.import = $1 and s.ordinal between $2 and $3 and s.ordinal = r.ordinal and s.kind = 'credentials'
cross join lateral jsonb_populate_record(
    null::camera,
    $4::jsonb || r.values || jsonb_build_object('latitude', r.values -> 'lat', 'longitude', r.values -> 'lon')) n
where r.import = $1 and r.ordinal between $2 and $3 and r.outcome = 'created'

-- name: change_cameras
-- Only as the plan saw them; how many were changed says whether all were.
with changed as (
    update camera c
    set (name, code, vendor, family, model, kind, megapixels, serial, mac, host, latitude, longitude, address, unit, mounting,
         height_m, bearing, view_angle, range_m, owner, manager, purpose, link, upload_kbps, quiet_from, quiet_to, life,
         life_since, declared_working, installed_on, contract, supplier, warranty_until, disclosure, sign_present,
         contact_point, site, retention_class, enabled, note, search, credentials)
      = (select n.name, n.code, n.vendor, n.family, n.model, n.kind, n.megapixels, n.serial, n.mac, n.host, n.latitude,
                n.longitude, n.address, n.unit, n.mounting, n.height_m, n.bearing, n.view_angle, n.range_m, n.owner,
                n.manager, n.purpose, n.link, n.upload_kbps, n.quiet_from, n.quiet_to, n.life, n.life_since,
                n.declared_working, n.installed_on, n.contract, n.supplier, n.warranty_until, n.disclosure, n.sign_present,
                n.contact_point, n.site, n.retention_class, n.enabled, n.note, n.search, coalesce(s.value, c.credentials)
         from jsonb_populate_record(c, r.written) n)
    from import_row r
    left join import_sealed s
        on s.import = $1 and s.ordinal between $2 and $3 and s.ordinal = r.ordinal and s.kind = 'credentials'
    where r.import = $1 and r.ordinal between $2 and $3 and r.outcome = 'changed'
      and c.id = r.camera and c.revision = r.revision and c.deleted is null
    returning c.id
)
select (select count(*) from changed) as changed,
       (select count(*) from import_row where import = $1 and ordinal between $2 and $3 and outcome = 'changed') as wanted

-- name: step_lives
insert into life_transition (camera, happened, before, after, reason, actor)
select camera, least(coalesce((written ->> 'life_since')::date, current_date), current_date), before ->> 'life',
       written ->> 'life', $4, $5
from import_row
where import = $1 and ordinal between $2 and $3 and outcome = 'changed' and written ? 'life'

-- name: put_streams
insert into camera_stream as t (camera, name, url, shown_url, transport)
select r.camera, s.kind, s.value, s.shown, 'auto'
from import_row r
join import_sealed s
    on s.import = $1 and s.ordinal between $2 and $3 and s.ordinal = r.ordinal and s.kind in ('main', 'sub')
where r.import = $1 and r.ordinal between $2 and $3 and r.outcome in ('created', 'changed')
on conflict (camera, name) do update set url = excluded.url, shown_url = excluded.shown_url

-- name: add_consents
insert into consent (id, camera, contact, given_on, expires_on, upload_kbps, quiet_from, quiet_to, recorded_by)
select s.shown, r.camera, s.value, (r.values ->> 'consent_given_on')::date, (r.values ->> 'consent_expires_on')::date,
       (r.values ->> 'upload_kbps')::integer, (r.values ->> 'quiet_from')::time, (r.values ->> 'quiet_to')::time, $4
from import_row r
join import_sealed s on s.import = $1 and s.ordinal between $2 and $3 and s.ordinal = r.ordinal and s.kind = 'contact'
where r.import = $1 and r.ordinal between $2 and $3 and r.outcome in ('created', 'changed')

-- name: forget_applied
-- What a new camera's secrets were is with the camera now; only what was replaced is needed for undo.
delete from import_sealed s using import_row r
where s.import = $1 and r.import = s.import and r.ordinal = s.ordinal and r.outcome <> 'changed' and s.kind <> 'contact'

-- name: finish_apply
update import set state = 'applied', progress = 1, counts = $3, by_reason = $4, applied = clock_timestamp(), worker = ''
where id = $1 and worker = $2 and state = 'applying'
returning id

-- name: tell_nodes
-- Whoever pulls a camera whose streams or credentials an import wrote has a new desired state.
update node set revision = revision + 1
where id in (
    select p.node from import_row r join placement p on p.camera = r.camera
    where r.import = $1 and r.outcome = 'changed'
      and (r.written ?| array['site', 'enabled', 'retention_class']
           or exists (select from import_sealed s where s.import = r.import and s.ordinal = r.ordinal)))
returning id

-- name: keep_created
-- New cameras that are no longer what the import made of them stay, with who changed them last.
select r.ordinal, r.camera, c.number, c.name, v.actor, v.recorded
from import_row r join camera c on c.id = r.camera
left join camera_version v on v.camera = c.id and v.valid_to = 'infinity'
where r.import = $1 and r.outcome = 'created' and c.deleted is null and not exists (
    select from camera_version made
    where made.camera = c.id and made.source = 'import ' || $1 and made.facts = camera_facts(c))
order by r.ordinal

-- name: remove_created
with gone as (
    update camera c set deleted = now(), credentials = null
    from import_row r
    where r.import = $1 and r.ordinal between $2 and $3 and r.outcome = 'created' and c.id = r.camera
      and c.deleted is null and exists (
          select from camera_version made
          where made.camera = c.id and made.source = 'import ' || $1 and made.facts = camera_facts(c))
    returning c.id
), ended as (
    update consent o set withdrawn_on = greatest(current_date, o.given_on) from gone g
    where o.camera = g.id and o.withdrawn_on is null
)
select count(*) from gone

-- name: unplace_created
with gone as (
    delete from placement p using import_row r, camera c
    where r.import = $1 and r.outcome = 'created' and p.camera = r.camera and c.id = r.camera and c.deleted is not null
    returning p.camera, p.node
), silent as (
    delete from stream_status s using gone g where s.camera = g.camera
)
update node set revision = revision + 1 where id in (select node from gone) returning id

-- name: restore_cameras
-- Each field the import wrote gets back what it had, if it still is what the import wrote.
with wrote as (
    select r.ordinal, c.id, r.before, to_jsonb(c) as now, to_jsonb(jsonb_populate_record(c, r.written)) as then, r.written,
           s.value as sealed, s.before as sealed_before, s.kind is not null as credentials
    from import_row r join camera c on c.id = r.camera and c.deleted is null
    left join import_sealed s
        on s.import = $1 and s.ordinal between $2 and $3 and s.ordinal = r.ordinal and s.kind = 'credentials'
    where r.import = $1 and r.ordinal between $2 and $3 and r.outcome = 'changed'
), back as (
    select w.id, w.sealed, w.sealed_before, w.credentials,
           coalesce((select jsonb_object_agg(k, w.before -> k) from jsonb_object_keys(w.written) k
                     where w.now -> k is not distinct from w.then -> k
                       and not exists (
                           -- Two columns that the table demands together go back together, or stay.
                           select from (values ('latitude', 'longitude'), ('longitude', 'latitude'),
                                               ('quiet_from', 'quiet_to'), ('quiet_to', 'quiet_from'),
                                               ('purpose', 'disclosure'), ('disclosure', 'purpose')) pair (one, other)
                           where pair.one = k and w.written ? pair.other
                             and w.now -> pair.other is distinct from w.then -> pair.other)), '{}') as fields
    from wrote w
)
update camera c
set (name, code, vendor, family, model, kind, megapixels, serial, mac, host, latitude, longitude, address, unit, mounting,
     height_m, bearing, view_angle, range_m, owner, manager, purpose, link, upload_kbps, quiet_from, quiet_to, life,
     life_since, declared_working, installed_on, contract, supplier, warranty_until, disclosure, sign_present,
     contact_point, site, retention_class, enabled, note, search, credentials)
  = (select n.name, n.code, n.vendor, n.family, n.model, n.kind, n.megapixels, n.serial, n.mac, n.host, n.latitude,
            n.longitude, n.address, n.unit, n.mounting, n.height_m, n.bearing, n.view_angle, n.range_m, n.owner,
            n.manager, n.purpose, n.link, n.upload_kbps, n.quiet_from, n.quiet_to, n.life, n.life_since,
            n.declared_working, n.installed_on, n.contract, n.supplier, n.warranty_until, n.disclosure, n.sign_present,
            n.contact_point, n.site, n.retention_class, n.enabled, n.note, n.search,
            case when b.credentials and c.credentials is not distinct from b.sealed then b.sealed_before
                 else c.credentials end
     from jsonb_populate_record(c, b.fields) n)
from back b
where c.id = b.id

-- name: fields_kept
-- Asked before restoring: fields that are no longer what the import wrote, and cameras that are gone.
select r.camera, coalesce(c.number, 0) as number, coalesce(c.name, r.values ->> 'name') as name, k as field,
       case when c.deleted is not null then 'removed' else 'changed' end as why, v.actor, v.recorded
from import_row r join camera c on c.id = r.camera
cross join lateral (select to_jsonb(jsonb_populate_record(c, r.written)) as then, to_jsonb(c) as now) w
cross join lateral jsonb_object_keys(r.written - 'search') k
left join camera_version v on v.camera = c.id and v.valid_to = 'infinity'
where r.import = $1 and r.outcome = 'changed' and (c.deleted is not null or w.now -> k is distinct from w.then -> k)
order by r.ordinal, k

-- name: restore_streams
update camera_stream t set url = s.before, shown_url = s.before_shown
from import_row r join import_sealed s on s.import = r.import and s.ordinal = r.ordinal and s.kind in ('main', 'sub')
where r.import = $1 and r.outcome = 'changed' and t.camera = r.camera and t.name = s.kind and t.url = s.value
  and s.before is not null

-- name: drop_new_streams
delete from camera_stream t using import_row r, import_sealed s
where r.import = $1 and r.outcome = 'changed' and s.import = r.import and s.ordinal = r.ordinal and s.before is null
  and t.camera = r.camera and t.name = s.kind and t.url = s.value

-- name: withdraw_consents
update consent o set withdrawn_on = greatest(current_date, o.given_on)
from import_sealed s
where s.import = $1 and s.kind = 'contact' and o.id = s.shown and o.withdrawn_on is null

-- name: words_of
-- What the search text of a camera is made of.
select c.id, c.name, c.code, c.address, c.vendor, c.model, c.serial, coalesce(a.name, '') as owner,
       coalesce(u.name, '') as unit
from camera c left join agency a on a.id = c.owner left join unit u on u.code = c.unit
where c.id = any($1)

-- name: set_search
update camera set search = $2 where id = $1 and search <> $2

-- name: finish_undo
update import set state = 'undone', progress = 1, kept = $3, undone = clock_timestamp(), worker = ''
where id = $1 and worker = $2 and state = 'undoing'
returning id
