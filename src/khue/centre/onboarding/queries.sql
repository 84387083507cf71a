-- name: node_ranges
select ranges, coalesce(lease_until > now(), false) as alive from node where id = $1

-- name: add_discovery
insert into discovery (id, node, ranges, multicast, ports, created_by) values ($1, $2, $3, $4, $5, $6)
on conflict (node) where state = 'running' do nothing
returning id

-- name: cancel_discovery
update discovery set cancelling = true where id = $1 and state = 'running' returning id

-- name: claim_discovery
-- Of those that run, one nobody follows. $1 worker, $2 seconds of the lease.
update discovery set worker = $1, lease_until = now() + make_interval(secs => $2)
where id = (select id from discovery where state = 'running' and lease_until < now()
            order by created limit 1 for update skip locked)
returning *

-- name: advance_discovery
-- Null when another replica follows it now.
update discovery
set started_there = true, total = $3, asked = $4, outside = $5, received = received + $6,
    lease_until = now() + make_interval(secs => $7)
where id = $1 and worker = $2 and state = 'running'
returning received, cancelling

-- name: hold_discovery
update discovery set lease_until = now() + make_interval(secs => $3)
where id = $1 and worker = $2 and state = 'running' returning cancelling

-- name: finish_discovery
update discovery set state = $3, error = $4, finished = now() where id = $1 and worker = $2 and state = 'running'

-- name: add_discovered
insert into discovered (discovery, key, number, address, ports, onvif, services, vendor, family, model, name, serial, mac,
                        clock_offset_s, error)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::text::macaddr, $14, $15)
on conflict (discovery, key) do nothing

-- name: discovery_by_id
select d.*, (select count(*) from discovered f where f.discovery = d.id) as found from discovery d where d.id = $1

-- name: list_discoveries
select d.*, (select count(*) from discovered f where f.discovery = d.id) as found
from discovery d order by d.created desc, d.id limit $1

-- name: discovered
-- $2 number to go on after, $3 how many.
select key, number, address, ports, onvif, services, vendor, family, model, name, serial, mac::text as mac, clock_offset_s, error
from discovered where discovery = $1 and number > $2 order by number limit $3

-- name: match_discovered
-- Cameras of the registry the reader sees: by hardware address, by serial number, by the address at a network of the node.
-- What fits two cameras fits none. $1 node, $2 keys, $3 hardware addresses, $4 serial numbers, $5 addresses.
with found as (
    select * from unnest($2::text[], $3::text[], $4::text[], $5::text[]) as u (key, mac, serial, host)
), reach as (
    select case when sites = '{}' then said_sites else sites end as sites from node where id = $1
), fits as (
    select f.key, c.id, 1 as rank, 'mac' as how
    from found f join camera c on c.mac = nullif(f.mac, '')::macaddr where c.deleted is null
    union all
    select f.key, c.id, 2, 'serial'
    from found f join camera c on lower(c.serial) = lower(f.serial)
    where c.deleted is null and c.serial <> '' and f.serial <> ''
    union all
    select f.key, c.id, 3, 'host'
    from (
        select id, site, host, case when host ~ '^[^:]+:\d+$' then split_part(host, ':', 1) else host end as bare
        from camera where deleted is null and host <> ''
    ) c
    join found f on f.host in (c.host, c.bare)
    left join placement p on p.camera = c.id
    where p.node = $1 or (p.node is null and (c.site = '' or exists (select from reach r where c.site = any(r.sites))))
)
select distinct on (key) key, min(id) as camera, how
from fits group by key, rank, how having count(distinct id) = 1
order by key, rank

-- name: camera_to_ask
select id, name, vendor, family, model, serial, mac::text as mac, host, site, credentials
from camera where id = $1 and deleted is null

-- name: lock_camera_to_ask
select id, name, vendor, family, model, serial, mac::text as mac, host, site, credentials
from camera where id = $1 and deleted is null for update

-- name: streams_to_ask
select name, url from camera_stream where camera = $1 order by name

-- name: node_for
-- The live node that pulls the camera, else one that reaches its site. $1 camera, $2 site.
select n.id
from node n left join placement p on p.node = n.id and p.camera = $1
where n.lease_until > now()
  and (p.camera is not null or $2 = '' or $2 = any(case when n.sites = '{}' then n.said_sites else n.sites end))
order by p.camera is null, (select count(*) from placement q where q.node = n.id), n.id
limit 1

-- name: note_host
update camera set host = $2 where id = $1 and host = ''

-- name: add_rotation
insert into password_rotation (id, camera, username, secret, created_by, lease_until)
values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))
on conflict (camera) where state = 'pending' do nothing
returning *

-- name: claim_rotation
-- One that nobody works on. Its password may be on the camera, or not.
update password_rotation set attempts = attempts + 1, lease_until = now() + make_interval(secs => $1)
where id = (select id from password_rotation where state = 'pending' and lease_until < now()
            order by lease_until limit 1 for update skip locked)
returning *

-- name: postpone_rotation
update password_rotation set detail = $2, lease_until = now() + make_interval(secs => $3)
where id = $1 and state = 'pending'

-- name: settle_rotation
update password_rotation
set state = $2, rolled_back = $3, detail = $4, settled = now(), secret = case when $2 = 'done' then null else secret end
where id = $1 and state = 'pending' returning id

-- name: put_credentials
update camera set credentials = $2 where id = $1

-- name: bump_node_of
update node set revision = revision + 1 where id = (select node from placement where camera = $1) returning id

-- name: list_rotations
select id, state, rolled_back, detail, attempts, created, created_by, settled
from password_rotation where camera = $1 order by created desc limit 100
