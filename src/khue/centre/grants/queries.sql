-- name: grant_rows
-- Whole, in the order of $1. Uses beyond ten thousand are not counted.
select g.id, g.post, g.agency, coalesce(p.title, a.name) as holder, g.rights, g.units, g.fleets, g.camera_purposes, g.groups, g.cameras,
       g.defence, g.purposes, g.hours_from, g.hours_to, g.weekdays, g.valid_from, g.valid_to, g.passes, g.origin, g.parent, g.lineage,
       g.given_by, coalesce(c.display_name, g.given_by) as given_by_name, g.basis, g.note, g.created, g.revoked,
       g.revoked_by, coalesce(r.display_name, g.revoked_by) as revoked_by_name, g.revoked_reason, g.revoked_with,
       (select e.at from audit_entry e where e.grant_id = g.id order by e.seq desc limit 1) as last_used,
       (select count(*) from (select from audit_entry e where e.grant_id = g.id limit 10000) u) as uses,
       (select count(*) from access_grant k where k.parent = g.id and k.revoked is null) as children
from unnest($1::text[]) with ordinality as o (id, place)
join access_grant g on g.id = o.id
left join post p on p.id = g.post left join agency a on a.id = g.agency
left join account c on c.id = g.given_by left join account r on r.id = g.revoked_by
order by o.place

-- name: find
-- $1 post, $2 agency, $3 account, $4 camera, $5 in_force|ended|revoked|all, $6 days without use or null, $7 after this id, $8 limit;
-- and what the asker, account $9, may read: $10 everybody's, $11 those of defence too, $12 bits of the cameras it answers for.
with mine as materialized (
    select id, unit, owner, manager, purpose from camera
    where not $10 and deleted is null and number < 8 * length($12::bytea) and get_bit($12::bytea, number) <> 0
), sorts as materialized (
    select distinct unit, owner, manager, purpose from mine
), desks as materialized (
    select p.id, a.path from tenure t join post p on p.id = t.post left join agency a on a.id = p.agency
    where t.account = $9 and t.valid_from <= now() and (t.valid_to is null or t.valid_to > now())
), theirs as materialized (
    select p.id, a.path from tenure t join post p on p.id = t.post left join agency a on a.id = p.agency where t.account = $3
)
select g.id
from access_grant g
where ($1 = '' or g.post = $1) and ($2 = '' or g.agency = $2 or g.post in (select p.id from post p where p.agency = $2))
  and ($3 = '' or g.post in (select id from theirs)
       or g.agency in (select up.id from theirs t join agency up on t.path <@ up.path))
  and ($4 = '' or exists (select from camera c where c.id = $4 and grant_covers(g, c.id, c.unit, c.owner, c.manager, c.purpose)))
  and case $5
          when 'in_force' then g.revoked is null and g.valid_from <= now() and (g.valid_to is null or g.valid_to > now())
          when 'ended' then g.revoked is null and g.valid_to <= now()
          when 'revoked' then g.revoked is not null
          else true
      end
  and ($6::integer is null
       or (g.created < now() - make_interval(days => $6)
           and not exists (select from audit_entry e where e.grant_id = g.id and e.at > now() - make_interval(days => $6))))
  and ($7 = '' or (g.created, g.id) < (select k.created, k.id from access_grant k where k.id = $7))
  and (g.given_by = $9 or g.post in (select id from desks) or g.agency in (select up.id from desks d join agency up on d.path <@ up.path)
       or ((not g.defence or $11)
           and ($10 or case
                   when g.cameras is null and g.groups is null
                   then exists (select from sorts m where grant_covers(g, '', m.unit, m.owner, m.manager, m.purpose))
                   else exists (select from mine m where grant_covers(g, m.id, m.unit, m.owner, m.manager, m.purpose))
               end)))
order by g.created desc, g.id desc
limit $8

-- name: readable
-- Of the grants $1 those the account $2 may read: its own, and for $3 everybody's, $4 those of defence too, $5 bits of the cameras
-- it answers for.
with mine as materialized (
    select id, unit, owner, manager, purpose from camera
    where not $3 and deleted is null and number < 8 * length($5::bytea) and get_bit($5::bytea, number) <> 0
), desks as materialized (
    select p.id, a.path from tenure t join post p on p.id = t.post left join agency a on a.id = p.agency
    where t.account = $2 and t.valid_from <= now() and (t.valid_to is null or t.valid_to > now())
)
select g.id from access_grant g
where g.id = any ($1)
  and (g.given_by = $2 or g.post in (select id from desks) or g.agency in (select up.id from desks d join agency up on d.path <@ up.path)
       or ((not g.defence or $4)
           and ($3 or exists (select from mine m where grant_covers(g, m.id, m.unit, m.owner, m.manager, m.purpose)))))

-- name: reach_bits
-- Called after keep_reach.
select r.bits, r.whole, r.everything, r.defence from reach r where r.account = $1 and r.right_name = $2 and r.only_grants = $3

-- name: keep_reach
select keep_reach($1, $2, $3)

-- name: parents
-- Of what the giver $1 holds ($2: held to these), what may be handed on $3 times at least and covers the grant $4 (as JSON).
-- A grant of named cameras also lies within one that covers each of them today; the trigger has the last word.
select g.id
from standing($1, now(), $2) s, lateral (select (s.holds).*) g, lateral jsonb_populate_record(null::access_grant, $4::jsonb) wanted
where wanted.rights <@ g.rights and g.passes > $3
  and (wanted.purposes is null or g.purposes is null or wanted.purposes <@ g.purposes)
  and (wanted.valid_to is null or g.valid_to is null or wanted.valid_to <= g.valid_to)
  and (grant_within(wanted, s.holds)
       or (wanted.cameras is not null and (s.holds).groups is null and (not wanted.defence or g.defence)
           and not exists (
               select from unnest(wanted.cameras) w (id)
               left join camera c on c.id = w.id
               where c.id is null
                  or not (grant_covers(s.holds, c.id, c.unit, c.owner, c.manager, c.purpose) or (c.purpose = 'defence' and not wanted.defence)))))
order by g.purposes is not null, g.hours_from is not null, g.weekdays is not null, g.valid_to desc nulls first, cardinality(g.lineage), g.id
limit 4

-- name: add_grant
insert into access_grant (id, post, agency, rights, units, fleets, camera_purposes, groups, cameras, defence, purposes, hours_from,
                          hours_to, weekdays, valid_from, valid_to, passes, origin, parent, lineage, given_by, basis, note)
select $1, g.post, g.agency, g.rights, g.units, g.fleets, g.camera_purposes, g.groups, g.cameras, g.defence, g.purposes, g.hours_from,
       g.hours_to, g.weekdays, coalesce(g.valid_from, now()), g.valid_to, g.passes, 'given', $2, '{}', $3, g.basis, g.note
from jsonb_populate_record(null::access_grant, $4::jsonb) g

-- name: unknown
-- Of units, agencies and groups $1, $2, $3 those there are none of; and purposes of use $4 the regulation does not know.
select id from unnest($1::text[]) u (id) where not exists (select from unit x where x.code = u.id)
union all select id from unnest($2::text[]) u (id) where not exists (select from agency x where x.id = u.id)
union all select id from unnest($3::text[]) u (id) where not exists (select from camera_group x where x.id = u.id)
union all
select id from unnest($4::text[]) u (id)
where not exists (
    select from regulation_version v, jsonb_array_elements(v.settings -> 'purposes') p
    where v.id = regulation_in_force(now()) and p ->> 'id' = u.id)

-- name: holder
-- The post $1 or the agency $2: whether it is closed.
select closed is not null as closed from post where id = $1
union all select false from agency where id = $2

-- name: grant_by_id
select id, post, agency, lineage, defence, given_by, revoked, origin, rights from access_grant where id = $1

-- name: may_revoke
-- Whoever gave it, holds what it is derived from, or decides about or administers all its cameras.
select exists (
    select from access_grant g
    where g.id = $1
      and (g.given_by = $2
           or exists (
               select from standing($2, now(), $3) s
               where ((s.holds).id = any (g.lineage) and (s.holds).id <> g.id)
                  or ((s.holds).rights && array['approve', 'administer'] and grant_within(g, s.holds)))))

-- name: revoke
update access_grant set revoked = now(), revoked_by = $2, revoked_reason = $3 where id = $1 and revoked is null returning id

-- name: taken_along
select count(*) from access_grant where revoked_with = $1

-- name: any_administrator
-- Somebody who administers everything and may hand it on.
select exists (
    select from access_grant g join post p on p.id = g.post join tenure t on t.post = p.id join account a on a.id = t.account
    where 'administer' = any (g.rights) and g.revoked is null and (g.valid_to is null or g.valid_to > now()) and not a.disabled
      and g.units is null and g.fleets is null and g.camera_purposes is null and g.groups is null and g.cameras is null and g.defence
      and p.closed is null and (t.valid_to is null or t.valid_to > now()))

-- name: camera
select id, name from camera where id = $1 and deleted is null

-- name: who
-- Everybody who may do something with the camera $1 at $2 and knows of it, by which grant: what decide says of each, at once.
-- $3 a right or ''; $4 an account or '' for all.
with c as (
    select id, unit, owner, manager, purpose from camera where id = $1 and deleted is null
), up as (
    select coalesce(array_agg(distinct u.id), '{}') as ids
    from c join agency a on a.id in (c.owner, c.manager) join agency u on a.path <@ u.path
), inside as (
    select coalesce(array_agg(m.camera_group), '{}') as ids from camera_group_member m where m.camera_group is not null and m.camera = $1
), force as (
    select id, timezone from regulation_version where id = regulation_in_force($2)
), g as materialized (
    select g.id, g.post, g.agency, g.rights, g.purposes, g.hours_from, g.hours_to, g.weekdays, g.valid_to, g.origin
    from access_grant g, c, up, inside, force
    where (g.revoked is null or g.revoked > $2) and g.valid_from <= $2 and (g.valid_to is null or g.valid_to > $2)
      and (g.defence or c.purpose is distinct from 'defence')
      and (g.units is null or c.unit = any (g.units))
      and (g.camera_purposes is null or c.purpose = any (g.camera_purposes))
      and (g.cameras is null or c.id = any (g.cameras))
      and (g.fleets is null or g.fleets && up.ids)
      and (g.groups is null or g.groups <@ inside.ids)
      and ((g.hours_from is null and g.weekdays is null) or in_hours(g, $2, force.timezone))
), held as (
    select g.id, p.id as post, p.kind, p.title, p.title_en, p.agency from g join post p on p.id = g.post
    where p.closed is null or p.closed > $2
    union all
    select g.id, p.id, p.kind, p.title, p.title_en, p.agency
    from g join agency up on up.id = g.agency join agency a on a.path <@ up.path join post p on p.agency = a.id
    where p.closed is null or p.closed > $2
), able as (
    select h.id, h.post, h.kind, array_agg(r.right_name order by r.right_name) as rights
    from (select distinct id, post, kind from held) h join g on g.id = h.id cross join force
    join regulation_rule r on r.version = force.id and r.kind = h.kind and r.right_name = any (g.rights)
    where r.right_name = 'see' or not r.needs_purpose or r.purposes is null or g.purposes is null or r.purposes && g.purposes
    group by h.id, h.post, h.kind
), found as (
    select t.account, h.post, h.title, h.title_en, h.agency, able.rights, g.id as grant_id, g.purposes, g.hours_from, g.hours_to,
           g.weekdays, least(g.valid_to, t.valid_to) as valid_to, g.origin,
           bool_or('see' = any (able.rights)) over (partition by t.account) as knows
    from able join held h on h.id = able.id and h.post = able.post join g on g.id = able.id
    join tenure t on t.post = h.post and t.valid_from <= $2 and (t.valid_to is null or t.valid_to > $2)
    where $4 = '' or t.account = $4
)
select f.account, a.username, a.display_name, f.post, f.title, f.title_en, f.agency, d.name as agency_name, f.rights, f.grant_id,
       f.purposes, f.hours_from, f.hours_to, f.weekdays, f.valid_to, f.origin
from found f join account a on a.id = f.account and not a.disabled left join agency d on d.id = f.agency
where f.knows and ($3 = '' or $3 = any (f.rights))
order by f.agency nulls last, f.post, a.username, f.grant_id

-- name: standing_of
-- What the account $1, or the post $2, holds now, with every rule that makes a right of it.
with now_held as (
    select s.post, s.kind, s.holds as g from standing($1, now(), null) s where $1 <> ''
    union all
    select p.id, p.kind, g from post p join access_grant g on g.post = p.id where p.id = $2 and p.closed is null
    union all
    select p.id, p.kind, g
    from post p join agency a on a.id = p.agency join agency up on a.path <@ up.path join access_grant g on g.agency = up.id
    where p.id = $2 and p.closed is null
)
select (h.g).id, (h.g).defence, h.post, h.kind, r.right_name, r.purposes, r.default_purpose, r.needs_purpose, r.needs_reason, r.needs_case,
       r.needs_second, r.clause, r.version, l.vi, l.en, (h.g).purposes as for_purposes, in_hours(h.g, now(), v.timezone) as now_on
from now_held h
join regulation_version v on v.id = regulation_in_force(now())
left join regulation_rule r on r.version = v.id and r.kind = h.kind and r.right_name = any ((h.g).rights)
left join regulation_clause l on l.version = r.version and l.clause = r.clause
where (h.g).revoked is null and (h.g).valid_from <= now() and ((h.g).valid_to is null or (h.g).valid_to > now())
order by r.needs_second, r.needs_case, r.needs_reason, (h.g).id

-- name: reach_of_grants
select bits from reach_of(array(select g from access_grant g where g.id = any ($1)))

-- name: count_reached
-- As a reader: of the cameras of the bits $1 those it sees.
select count(*) from camera where deleted is null and number < 8 * length($1::bytea) and get_bit($1::bytea, number) <> 0

-- name: count_by_unit
-- As a reader.
select c.unit, u.name, count(*) as cameras
from camera c left join unit u on u.code = c.unit
where c.deleted is null and number < 8 * length($1::bytea) and get_bit($1::bytea, number) <> 0
group by c.unit, u.name order by count(*) desc, c.unit

-- name: is_post
select exists (select from post where id = $1)

-- name: holds_post
select exists (select from tenure where account = $1 and post = $2 and (valid_to is null or valid_to > now()))

-- name: is_account
select exists (select from account where id = $1)

-- name: fleet_facts
-- Everything grants ask of cameras.
select number, id, unit, owner, manager, purpose from camera where deleted is null

-- name: members
select camera_group, array_agg(camera) as cameras from camera_group_member group by camera_group

-- name: paths
select id, path::text as path from agency

-- name: affected
-- Accounts that hold one of the grants $1 now, through a post or an agency.
with desks as (
    select g.post from access_grant g where g.id = any ($1) and g.post is not null
    union
    select p.id
    from access_grant g join agency up on up.id = g.agency join agency a on a.path <@ up.path join post p on p.agency = a.id
    where g.id = any ($1)
)
select distinct t.account
from desks d join post p on p.id = d.post join tenure t on t.post = p.id join account c on c.id = t.account and not c.disabled
where p.closed is null and t.valid_from <= now() and (t.valid_to is null or t.valid_to > now())

-- name: held_by
-- All these accounts hold now, with the rights the regulation makes of it.
with desks as materialized (
    select t.account, p.id, p.kind, a.path
    from tenure t join post p on p.id = t.post left join agency a on a.id = p.agency
    where t.account = any ($1) and p.closed is null and t.valid_from <= now() and (t.valid_to is null or t.valid_to > now())
), held as (
    select d.account, d.kind, g.id from desks d join access_grant g on g.post = d.id where g.revoked is null
    union
    select d.account, d.kind, g.id
    from desks d join agency up on d.path <@ up.path join access_grant g on g.agency = up.id where g.revoked is null
)
select h.account, g.id, array_agg(distinct r.right_name) as rights
from held h
join access_grant g on g.id = h.id
join regulation_version v on v.id = regulation_in_force(now())
join regulation_rule r on r.version = v.id and r.kind = h.kind and r.right_name = any (g.rights)
where g.valid_from <= now() and (g.valid_to is null or g.valid_to > now()) and in_hours(g, now(), v.timezone)
group by h.account, g.id

-- name: terms_of
select id, units, fleets, camera_purposes, groups, cameras, defence from access_grant where id = any ($1)

-- name: lineage_below
select id from access_grant where lineage @> array[$1] and revoked is null

-- name: names_of
select id, display_name from account where id = any ($1)
