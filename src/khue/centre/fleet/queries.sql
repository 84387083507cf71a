-- name: add_camera
insert into camera (id, name, vendor, site, search, latitude, longitude, credentials, retention_class)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: put_stream
insert into camera_stream as s (camera, name, url, shown_url, transport) values ($1, $2, $3, $4, coalesce($5, 'auto'))
on conflict (camera, name) do update
set url = excluded.url, shown_url = excluded.shown_url, transport = coalesce($5, s.transport)

-- name: set_transport
update camera_stream set transport = $2 where camera = $1

-- name: drop_stream
delete from camera_stream where camera = $1 and name = $2

-- name: lock_camera
select c.id, c.name, c.vendor, c.site, c.enabled, c.latitude, c.longitude, c.credentials, c.retention_class,
       c.code, c.address, c.model, c.serial, o.name as owner_name, u.name as unit_name
from camera c left join agency o on o.id = c.owner left join unit u on u.code = c.unit
where c.id = $1 and c.deleted is null for update of c

-- name: change_camera
update camera
set name = $2, vendor = $3, site = $4, search = $5, latitude = $6, longitude = $7, credentials = $8, retention_class = $9,
    enabled = $10
where id = $1

-- name: delete_camera
update camera set deleted = now(), credentials = null where id = $1 and deleted is null returning id

-- name: unplace
-- Returns the node that has to be told.
with gone as (delete from placement where camera = $1 returning node)
update node set revision = revision + 1 where id in (select node from gone) returning id

-- name: forget_status
-- Another node begins anew, or nobody does.
delete from stream_status where camera = any($1)

-- name: bump_node_of
-- The desired state of the camera's node changed: its revision grows in the same transaction.
update node set revision = revision + 1 where id = (select node from placement where camera = $1) returning id

-- name: bump_nodes_with
-- As above, for every node that pulls the camera or holds recordings of it.
update node set revision = revision + 1
where id in (select node from placement where camera = $1 union select node from coverage_span where camera = $1)
returning id

-- name: bump_all
update node set revision = revision + 1 returning id

-- name: list_cameras
-- Those with a main stream. $1 search pattern or null, $2 state or null, $3 id to go on after or null, $4 limit.
select c.id, c.name, c.vendor, c.site, c.enabled, c.latitude, c.longitude, c.retention_class, c.created,
       c.credentials is not null as has_credentials, m.node, m.state, m.since, m.detail, m.cause
from camera c
join stream_view m on m.camera = c.id and m.name = 'main'
where c.deleted is null
  and ($1::text is null or c.search like $1)
  and ($2::text is null or m.state = $2)
  and ($3::text is null or (lower(c.name), c.id) > (select lower(a.name), a.id from camera a where a.id = $3))
order by lower(c.name), c.id
limit $4

-- name: count_cameras
select count(*)
from camera c
where c.deleted is null
  and ($1::text is null or c.search like $1)
  and exists (select from stream_view m where m.camera = c.id and m.name = 'main' and ($2::text is null or m.state = $2))

-- name: camera_by_id
select c.id, c.name, c.vendor, c.site, c.enabled, c.latitude, c.longitude, c.retention_class, c.created,
       c.credentials is not null as has_credentials, m.node, m.state, m.since, m.detail, m.cause
from camera c
join stream_view m on m.camera = c.id and m.name = 'main'
where c.id = $1

-- name: streams_of
select camera, name, shown_url, transport, record, node, state, since, detail, cause, codec, width, height,
       clock_offset_ms, recorded_until
from stream_view
where camera = any($1)
order by camera, name

-- name: stream_state
select node, state, since, detail, cause from stream_view where camera = $1 and name = $2

-- name: add_node
insert into node (id, sites, bus_key) values ($1, $2, $3)

-- name: node_keys
select id, bus_key from node

-- name: empty_node
delete from placement where node = $1

-- name: drop_node
delete from node where id = $1 returning id

-- name: list_nodes
select n.id, case when n.sites = '{}' then n.said_sites else n.sites end as sites, n.version, n.lan_url, n.capacity,
       n.lease_until, coalesce(n.lease_until > now(), false) as alive, n.disk_used, n.disk_total, n.cpu_seconds,
       n.rss_bytes, n.alert, n.revision, n.ranges, (select count(*) from placement p where p.node = n.id) as cameras
from node n
order by n.id

-- name: node_lan_url
select n.id, n.lan_url, coalesce(n.lease_until > now(), false) as alive
from placement p join node n on n.id = p.node
where p.camera = $1

-- name: list_placement
select p.camera, p.node, p.since, p.reason
from placement p join camera c on c.id = p.camera
where c.deleted is null
order by p.camera

-- name: join
-- What a node says of itself; it also begins its lease.
update node
set said_sites = $2, lan_url = $3, version = $4, capacity = $5, lease_until = now() + make_interval(secs => $6), ranges = $7
where id = $1
returning revision

-- name: heartbeat
-- How far it has recorded is one row of the node, so that a city's heartbeats cost a hundred rows and not eighty thousand.
-- $8 how far, $9 a digest of the streams it is said of; when these are others than known, they have to be put too.
with renewed as (
    update node
    set lease_until = now() + make_interval(secs => $2), disk_used = $3, disk_total = $4, cpu_seconds = $5, rss_bytes = $6,
        alert = $7
    where id = $1
    returning revision
), progress as (
    update node_progress g set recorded_until = $8 from renewed where g.node = $1 and g.streams_digest = $9 returning g.node
)
select revision, exists (select from progress) as known from renewed

-- name: put_progress
insert into node_progress (node, streams, streams_digest, recorded_until) values ($1, $2, $3, $4)
on conflict (node) do update
set streams = excluded.streams, streams_digest = excluded.streams_digest, recorded_until = excluded.recorded_until

-- name: desired_revision
select revision from node where id = $1

-- name: desired_cameras
select c.id, c.name, c.credentials, c.retention_class, c.enabled, greatest(c.created, p.since) as expected_since
from placement p join camera c on c.id = p.camera
where p.node = $1 and c.deleted is null and exists (select from camera_stream s where s.camera = c.id)
order by c.id

-- name: desired_streams
select s.camera, s.name, s.url, s.transport, s.record
from placement p join camera_stream s on s.camera = p.camera
where p.node = $1
order by s.camera, s.name

-- name: desired_holds
-- Also of cameras the node no longer pulls but holds recordings of.
select h.id, h.camera, h.started, h.ended, h.reason, h.review
from legal_hold h
where h.released is null
  and (exists (select from placement p where p.camera = h.camera and p.node = $1)
       or exists (select from coverage_span s where s.camera = h.camera and s.node = $1))
order by h.id

-- name: list_retention
select name, days, priority from retention_class order by name

-- name: put_retention
insert into retention_class (name, days, priority) values ($1, $2, $3)
on conflict (name) do update set days = excluded.days, priority = excluded.priority

-- name: list_holds
select id, camera, started, ended, reason, review, created, created_by
from legal_hold where released is null order by created desc

-- name: add_hold
insert into legal_hold (id, camera, started, ended, reason, review, created_by) values ($1, $2, $3, $4, $5, $6, $7)

-- name: release_hold
update legal_hold set released = now(), released_by = $2 where id = $1 and released is null returning camera

-- name: lead
-- One replica places at a time; the lock ends with the transaction.
select pg_try_advisory_xact_lock(1802002278)

-- name: node_liveness
-- Silent: it has cameras that somebody else might take.
select n.id, n.alive as told_alive, coalesce(n.lease_until > now(), false) as alive,
       coalesce(n.lease_until < now(), true) and exists (select from placement p where p.node = n.id) as silent
from node n

-- name: nodes_for_placement
select n.id, case when n.sites = '{}' then n.said_sites else n.sites end as sites, n.capacity,
       coalesce(n.lease_until > now(), false) as alive, n.alive as told_alive,
       (select count(*) from placement p where p.node = n.id) as cameras
from node n

-- name: cameras_to_place
-- With streams to pull, and without a node, on a silent one, or on one that does not reach them.
select c.id, c.site, p.node, p.reason
from camera c
left join placement p on p.camera = c.id
left join node n on n.id = p.node
where c.deleted is null
  and exists (select from camera_stream s where s.camera = c.id)
  and (p.node is null
       or n.lease_until is null or n.lease_until < now()
       or (c.site <> '' and c.site <> all (case when n.sites = '{}' then n.said_sites else n.sites end)))

-- name: move
insert into placement (camera, node, reason)
select * from unnest($1::text[], $2::text[], $3::text[])
on conflict (camera) do update set node = excluded.node, reason = excluded.reason, since = now()

-- name: cameras_on
select camera from placement where node = any($1)

-- name: bump
update node set revision = revision + 1 where id = any($1)

-- name: tell_alive
update node set alive = $2 where id = $1

-- name: drop_offers
-- A new offer ends those before it; used ones stay as a record, for a while.
delete from node_enrolment
where node = $1 and used is null or used < now() - interval '1 year' or used is null and expires < now() - interval '30 days'

-- name: add_offer
insert into node_enrolment (id, node, sites, again, secret_hash, created_by, expires)
values ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))
returning expires

-- name: node_exists
select exists (select from node where id = $1)

-- name: list_offers
select id, node, sites, again, created, created_by, expires from node_enrolment
where used is null and expires > now() order by node

-- name: withdraw_offer
delete from node_enrolment where id = $1 and used is null returning node

-- name: offer
select node, sites, again, secret_hash, used, used_from, expires, expires < now() as ended from node_enrolment
where id = $1 for update

-- name: use_offer
update node_enrolment set used = now(), used_from = $2, bus_key = $3 where id = $1

-- name: replace_key
-- The same node with another key; what it serves changes only when the offer says so.
update node set bus_key = $3, sites = case when $2::text[] = '{}' then sites else $2 end where id = $1 returning sites
