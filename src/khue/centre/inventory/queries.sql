-- name: plan_for_the_values
-- A plan made for any pattern is ten times slower than one made for this pattern; the tables are in memory; a whole fleet is
-- put in order without a file; and starting helpers takes longer than the work.
select set_config('plan_cache_mode', 'force_custom_plan', true), set_config('random_page_cost', '1.1', true),
       set_config('work_mem', '32MB', true), set_config('max_parallel_workers_per_gather', '0', true)

-- name: then
-- $1: when. Rows of ``camera`` that have not changed since, and those that have, out of their version of then.
select u.*, u.search as folded
from camera u join camera_version v on v.camera = u.id and v.valid_to = 'infinity' and v.valid_from <= $1
where true {unchanged}
union all
select f.*, folded(concat_ws(' ', f.name, f.code, f.address, f.vendor, f.model, f.serial, f.id)) as folded
from camera_version v
cross join lateral jsonb_populate_record(null::camera, v.facts) f
where v.valid_from <= $1 and v.valid_to > $1 and v.valid_to <> 'infinity' {changed}

-- name: then_measured
-- $1: when. Where the main stream stood; seen working: recording then, or within the time of the rule before.
select r.*, t.node, t.state, t.since as seen_since, t.detail as seen_detail,
       case when t.state is not null then 'recording' end as seen_how,
       case
           when t.state is null then null
           when t.state = 'recording' then true
           else exists (
               select from transition e
               where e.camera = r.id and e.stream = 'main' and e.since <= $1 and e.state = 'recording'
                 and (select min(x.since) from transition x where x.camera = r.id and x.stream = 'main' and x.since > e.since)
                     > $1 - (select s.recorded from seen_rule s))
       end as seen_working
from ({then}) r
left join lateral (
    select x.node, x.state, x.since, x.detail from transition x
    where x.camera = r.id and x.stream = 'main' and x.since <= $1
    order by x.since desc limit 1
) t on true

-- name: row
-- Columns of one camera in a list, of c and m.
select c.id, c.number, c.code, c.name, c.vendor, c.family, c.model, c.kind, c.latitude as lat, c.longitude as lon, c.address,
       c.unit, c.owner, c.manager, c.purpose, c.link, c.life, c.life_since, c.installed_on, c.declared_working,
       m.seen_working, m.seen_since, case when c.enabled or m.state is null then m.state else 'disabled' end as state,
       m.node, c.security, c.disclosure, c.revision

-- name: hashes
-- Numbers that stand for words: to send these takes a tenth of the time it takes to look up each word's place in a list.
select word, hashtext(word) as hash from unnest($1::text[]) as u (word)

-- name: map
-- Cameras on the map, packed into integers of four bytes: number, place, unit, hashes of five words, seen and declared.
select string_agg(
    int4send(c.number) || int4send(round(c.latitude * 100000)::integer) || int4send(round(c.longitude * 100000)::integer)
    || int4send(coalesce(c.unit, '0')::integer)
    || int4send(hashtext(coalesce(case when c.enabled or m.state is null then m.state else 'disabled' end, '')))
    || int4send(hashtext(coalesce(c.purpose, ''))) || int4send(hashtext(c.life)) || int4send(hashtext(coalesce(c.link, '')))
    || int4send(hashtext(coalesce(c.kind, '')))
    || int4send(coalesce(m.seen_working::integer + 1, 0)) || int4send(coalesce(c.declared_working::integer + 1, 0)),
    ''::bytea)

-- name: see_streams
-- What nodes say of main streams: camera, node, state, since, words, when a recording known before was left, and when one
-- that began meanwhile was. Only of cameras that node has; a run of being seen working goes on while no break in it counts.
update sighting s
set state = u.state, detail = u.detail,
    recorded_at = greatest(s.recorded_at, u.recorded_at, case when s.state = 'recording' then u.left_at end),
    since = case
        when (u.state = 'recording' or u.recorded_at is not null)
            and not coalesce(s.state = 'recording' or s.recorded_at > u.since - r.recorded or s.probed_at > u.since - r.probed, false)
            then coalesce(u.recorded_at, u.since)
        when u.state = 'connecting' then s.since
        else coalesce(s.since, u.since)
    end
from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::timestamptz[], $7::timestamptz[])
     as u (camera, node, state, since, detail, left_at, recorded_at)
cross join seen_rule r
where s.camera = u.camera and s.node = u.node

-- name: see_probe
insert into sighting as s (camera, since, probed_at, detail)
values ($1, $2::timestamptz, case when $3::boolean then $2::timestamptz end, $4)
on conflict (camera) do update
set detail = case when s.state = 'recording' then s.detail else excluded.detail end,
    probed_at = greatest(s.probed_at, excluded.probed_at),
    since = case
        when excluded.probed_at is not null and not coalesce(
            s.state = 'recording' or s.recorded_at > excluded.since - (select r.recorded from seen_rule r)
            or s.probed_at > excluded.since - (select r.probed from seen_rule r), false) then excluded.since
        else coalesce(s.since, excluded.since)
    end

-- name: set_rule
update seen_rule set recorded = $1, probed = $2 where (recorded, probed) is distinct from ($1, $2)

-- name: counts
-- Columns of the quota board, of c and m. Declared and seen are counted among those that hang there.
count(*) filter (where c.life in ('proposed', 'approved'))::integer as proposed,
count(*) filter (where c.life = 'approved')::integer as approved,
count(*) filter (where c.life = any ({installed}))::integer as installed,
count(*) filter (where c.life = any ({installed}) and c.declared_working)::integer as declared_working,
count(*) filter (where c.life = any ({installed}) and c.declared_working is null)::integer as declared_unknown,
count(*) filter (where c.life = any ({installed}) and m.seen_working)::integer as seen_working,
count(*) filter (where c.life = any ({installed}) and m.seen_working is null)::integer as seen_unknown,
count(*) filter (where c.life = any ({installed}) and c.declared_working and m.seen_working)::integer as both,
count(*) filter (where c.life = any ({installed}) and c.declared_working and m.seen_working is not true)::integer as only_declared,
count(*) filter (where c.life = any ({installed}) and m.seen_working and c.declared_working is not true)::integer as only_seen

-- name: needed
-- What was decided last before the day, by group.
select distinct on (quota_group) quota_group, needed from quota where valid_from <= $1 order by quota_group, valid_from desc

-- name: unit_names
select code as key, name from unit order by code

-- name: agency_names
select id as key, name from agency order by id

-- name: exported
-- Everything an agency may take along about a camera, of c and m: no stream addresses, no credentials, no resident's contact.
select c.id, c.number, c.code, c.name, c.vendor, c.family, c.model, c.kind, c.megapixels, c.serial, c.mac::text as mac, c.host,
       c.latitude as lat, c.longitude as lon, c.address, c.unit, u.name as unit_name, c.mounting, c.height_m, c.bearing,
       c.view_angle, c.range_m, c.owner, o.name as owner_name, c.manager, a.name as manager_name, c.purpose, c.link,
       c.upload_kbps, c.quiet_from, c.quiet_to, c.life, c.life_since, c.declared_working, m.seen_working, m.seen_since,
       m.seen_how, case when c.enabled or m.state is null then m.state else 'disabled' end as state, m.node, c.installed_on,
       c.contract, c.supplier, c.warranty_until, c.disclosure, c.sign_present, c.contact_point, c.site, c.retention_class,
       c.enabled, c.security, c.note, c.created

-- name: exported_names
left join unit u on u.code = c.unit
left join agency o on o.id = c.owner
left join agency a on a.id = c.manager
