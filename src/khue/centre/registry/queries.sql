-- name: say
select set_config('khue.actor', $1, true), set_config('khue.reason', $2, true), set_config('khue.source', $3, true),
       set_config('khue.effective', $4, true)

-- name: lock_record
select * from camera c
where c.id = $1 and c.deleted is null for update

-- name: record
-- As it is now; hidden ones are not there.
select c.*, c.credentials is not null as has_credentials, s.working as seen_working, s.since as seen_since, s.how as seen_how,
       s.detail as seen_detail, m.node, m.state,
       (select max(v.valid_from) from camera_version v where v.camera = c.id and v.valid_to = 'infinity') as valid_from
from camera c
left join camera_seen s on s.camera = c.id
left join stream_view m on m.camera = c.id and m.name = 'main'
where c.id = $1 and c.deleted is null

-- name: record_as_of
-- As it was said to be at $2. What is sealed has no past.
select f.*, false as has_credentials, null::boolean as seen_working, null::timestamptz as seen_since, null as seen_how,
       null as seen_detail, null as node, null as state, v.valid_from
from camera_version v, lateral jsonb_populate_record(null::camera, v.facts) f
where v.camera = $1 and v.valid_from <= $2 and v.valid_to > $2 and f.deleted is null

-- name: record_known
select true from camera where id = $1

-- name: last_change
-- Who made the camera what it is now.
select actor, recorded from camera_version where camera = $1 and valid_to = 'infinity'

-- name: put_record
-- $1 id, $2 facts by column, all of them that have no default.
insert into camera (id, name, search, code, vendor, family, model, kind, megapixels, serial, mac, host, latitude, longitude,
    address, unit, mounting, height_m, bearing, view_angle, range_m, owner, manager, purpose, link, upload_kbps, quiet_from,
    quiet_to, declared_working, installed_on, contract, supplier, warranty_until, disclosure, sign_present, contact_point,
    site, retention_class, enabled, note, life, life_since, credentials)
select $1, n.name, n.search, n.code, n.vendor, n.family, n.model, n.kind, n.megapixels, n.serial, n.mac, n.host, n.latitude,
    n.longitude, n.address, n.unit, n.mounting, n.height_m, n.bearing, n.view_angle, n.range_m, n.owner, n.manager, n.purpose,
    n.link, n.upload_kbps, n.quiet_from, n.quiet_to, n.declared_working, n.installed_on, n.contract, n.supplier,
    n.warranty_until, n.disclosure, n.sign_present, n.contact_point, n.site, n.retention_class, n.enabled, n.note, n.life,
    n.life_since, $3
from jsonb_populate_record(null::camera, $2::jsonb) n

-- name: change_records
-- $1 ids, $2 for each the columns that change. The others stay.
update camera c
set name = n.name, search = n.search, code = n.code, vendor = n.vendor, family = n.family, model = n.model, kind = n.kind,
    megapixels = n.megapixels, serial = n.serial, mac = n.mac, host = n.host, latitude = n.latitude, longitude = n.longitude,
    address = n.address, unit = n.unit, mounting = n.mounting, height_m = n.height_m, bearing = n.bearing,
    view_angle = n.view_angle, range_m = n.range_m, owner = n.owner, manager = n.manager, purpose = n.purpose, link = n.link,
    upload_kbps = n.upload_kbps, quiet_from = n.quiet_from, quiet_to = n.quiet_to, declared_working = n.declared_working,
    installed_on = n.installed_on, contract = n.contract, supplier = n.supplier, warranty_until = n.warranty_until,
    disclosure = n.disclosure, sign_present = n.sign_present, contact_point = n.contact_point, site = n.site,
    retention_class = n.retention_class, enabled = n.enabled, note = n.note
from unnest($1::text[], $2::jsonb[]) as e (id, changes)
join camera b on b.id = e.id, lateral jsonb_populate_record(b, e.changes) n
where c.id = b.id

-- name: names_of
-- $1 unit, $2 agency; for what a camera is found by.
select (select name from unit where code = $1) as unit_name, (select name from agency where id = $2) as owner_name

-- name: bump_node_of
-- The desired state of the camera's node changed: its revision grows in the same transaction.
update node set revision = revision + 1 where id = (select node from placement where camera = $1) returning id

-- name: bump_nodes_of
update node set revision = revision + 1 where id in (select node from placement where camera = any($1)) returning id

-- name: streams_of
select camera, name, shown_url, transport, record, node, state, since, detail, cause, codec, width, height,
       clock_offset_ms, recorded_until
from stream_view where camera = $1 order by name

-- name: life_steps
select after from life_step where before = $1 order by after

-- name: add_life_step
insert into life_transition (camera, happened, before, after, reason, actor) values ($1, $2, $3, $4, $5, $6)

-- name: set_life
-- A removed camera is not recorded any more.
update camera set life = $2, life_since = $3, enabled = enabled and $2 <> 'removed' where id = $1

-- name: consent_in_force
select exists (select from consent where camera = $1 and withdrawn_on is null)

-- name: end_expired_consent
update consent set withdrawn_on = expires_on, withdrawn_reason = 'expired', withdrawn_by = 'khue', withdrawn_at = now()
where camera = $1 and withdrawn_on is null and expires_on <= current_date

-- name: consent_to_end
select id, given_on from consent where camera = $1 and withdrawn_on is null for update

-- name: end_consent
update consent set withdrawn_on = $2, withdrawn_reason = $3, withdrawn_by = $4, withdrawn_at = now() where id = $1

-- name: add_consent
insert into consent (id, camera, contact, document, given_on, expires_on, upload_kbps, quiet_from, quiet_to, recorded_by)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)

-- name: set_line_limits
update camera
set upload_kbps = coalesce($2, upload_kbps), quiet_from = coalesce($3, quiet_from), quiet_to = coalesce($4, quiet_to)
where id = $1

-- name: last_consent
-- The one in force on $2, or the last there was.
select id, contact, document, given_on, expires_on, withdrawn_on, withdrawn_reason, upload_kbps, quiet_from, quiet_to,
       recorded, recorded_by
from consent where camera = $1 and given_on <= $2
order by withdrawn_on is null or withdrawn_on > $2 desc, given_on desc, recorded desc limit 1

-- name: add_finding
insert into security_finding (camera, topic, result, evidence, checked_on, actor) values ($1, $2, $3, $4, $5, $6)

-- name: newest_findings
select distinct on (topic) topic, result, evidence, checked_on, actor
from security_finding where camera = $1 order by topic, checked_on desc, id desc

-- name: findings_as_of
select distinct on (topic) topic, result, evidence, checked_on, actor
from security_finding where camera = $1 and checked_on <= $2 order by topic, checked_on desc, id desc

-- name: set_security
update camera set security = $2 where id = $1 and security <> $2

-- name: versions
select facts, valid_from, recorded, actor, reason, source from camera_version where camera = $1 order by valid_from, id

-- name: life_history
select happened, before, after, reason, actor, recorded from life_transition where camera = $1 order by id

-- name: consent_history
select id, document, given_on, expires_on, withdrawn_on, withdrawn_reason, withdrawn_by, withdrawn_at, upload_kbps, recorded,
       recorded_by
from consent where camera = $1 order by recorded

-- name: finding_history
select topic, result, evidence, checked_on, actor, recorded from security_finding where camera = $1 order by id

-- name: stream_history
select stream, before, after, actor, reason, source, recorded from camera_stream_change where camera = $1 order by id

-- name: seen_numbers
-- Run as a reader: which of the numbers there are.
select c.id from camera c where c.number = any($1) and c.deleted is null order by c.number

-- name: seen_matching
-- Run as a reader; the condition is that of khue.centre.inventory.filters.
select c.id from camera c where {condition} order by c.number

-- name: lock_records
select * from camera c
where c.id = any($1) and c.deleted is null order by c.number for update

-- name: show_records
-- As above, without holding them.
select * from camera c
where c.id = any($1) and c.deleted is null order by c.number

-- name: add_edit
insert into bulk_edit (id, account, actor, reason, query, changes, changed) values ($1, $2, $3, $4, $5, $6, 0)

-- name: edit_done
update bulk_edit set changed = $2 where id = $1

-- name: add_edit_rows
insert into bulk_edit_row (edit, camera, before, after) select $1, * from unnest($2::text[], $3::jsonb[], $4::jsonb[])

-- name: list_edits
-- One's own, or everybody's when $1 is null.
select id, actor, reason, query, changes, changed, applied, undone, undone_by
from bulk_edit where $1::text is null or account = $1 order by applied desc, id desc limit $2

-- name: lock_edit
select id, account, undone from bulk_edit where id = $1 for update

-- name: edit_cameras
-- In the order in which edits take hold of them.
select r.camera from bulk_edit_row r join camera c on c.id = r.camera where r.edit = $1 order by c.number

-- name: edit_rows
select camera, before, after from bulk_edit_row where edit = $1 and camera = any($2)

-- name: edit_undone
update bulk_edit set undone = now(), undone_by = $2 where id = $1

-- name: list_agencies
select id, name, kind, parent, unit from agency order by name

-- name: agency_by_id
select id, name, kind, parent, unit from agency where id = $1

-- name: add_agency
insert into agency (id, name, kind, parent, unit, search) values ($1, $2, $3, $4, $5, $6)

-- name: change_agency
update agency set name = $2, kind = $3, parent = $4, unit = $5, search = $6 where id = $1

-- name: agency_below
-- Whether $2 is $1 or below it.
with recursive below (id) as (
    select $1::text union select a.id from agency a join below b on a.parent = b.id
)
select exists (select from below where id = $2)

-- name: owned_by
-- What the cameras of an agency are found by.
select c.id, c.name, c.code, c.address, c.vendor, c.model, c.serial, o.name as owner_name, u.name as unit_name
from camera c join agency o on o.id = c.owner left join unit u on u.code = c.unit
where c.owner = $1

-- name: set_search
update camera c set search = n.search from unnest($1::text[], $2::text[]) as n (id, search) where c.id = n.id

-- name: list_units
select code, name, kind, latitude, longitude, area_km2 from unit order by code

-- name: list_filters
select f.id, f.name, f.query, f.shared, f.created, a.username as owner, f.account = $1 as own
from saved_filter f join account a on a.id = f.account
where f.account = $1 or f.shared order by f.name, f.id

-- name: add_filter
insert into saved_filter (id, account, name, query, shared) values ($1, $2, $3, $4, $5)
on conflict (account, name) do update set query = excluded.query, shared = excluded.shared
returning id

-- name: drop_filter
delete from saved_filter where id = $1 and account = $2 returning id
