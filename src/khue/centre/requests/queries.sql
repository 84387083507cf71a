-- name: terms
select id, timezone, settings::text as settings from regulation_version where id = regulation_in_force(now())

-- name: rules_of_kind
-- $1 kind of post.
select right_name, purposes, needs_case, clause from regulation_rule where version = regulation_in_force(now()) and kind = $1

-- name: clause
select vi, en from regulation_clause where version = $1 and clause = $2

-- name: posts_of
-- The posts an account holds now: those of agencies first.
select p.id, p.agency, p.kind, p.title, ltree2text(a.path) as path
from tenure t join post p on p.id = t.post left join agency a on a.id = p.agency
where t.account = $1 and p.closed is null and t.valid_from <= now() and (t.valid_to is null or t.valid_to > now())
order by p.agency is null, t.valid_from, p.id

-- name: owners
-- Of cameras one by one: whom they are asked of, those of defence apart.
select coalesce(owner, manager) as owner, purpose is not distinct from 'defence' as defence,
       array_agg(id order by id) as cameras
from camera where id = any ($1) and deleted is null
group by 1, 2 order by 1 nulls last, 2

-- name: known_place
select (select count(*) from unnest($1::text[]) one where not exists (select from unit where code = one))
     + (select count(*) from unnest($2::text[]) one where not exists (select from agency where id = one))
     + (select count(*) from unnest($3::text[]) one where not exists (select from purpose where id = one)) as unknown

-- name: agency_path
select ltree2text(path) from agency where id = $1

-- name: names
-- As the reader sees them.
select id, name from camera where id = any ($1) order by name, id

-- name: holders
-- Who holds a right to cameras now, and through a post of which agency. $1 right, $2 cameras, or $3 units, $4 fleets,
-- $5 purposes: those of a place, of which a grant for the whole city is one even when there are none.
with wanted as materialized (
    select c.* from camera c
    where c.deleted is null
      and case
              when $2::text[] is not null then c.id = any ($2)
              else c.purpose is distinct from 'defence' and ($3::text[] is null or c.unit = any ($3))
                   and ($4::text[] is null or c.owner = any (array(select unnest(with_agencies_below($4))))
                        or c.manager = any (array(select unnest(with_agencies_below($4)))))
                   and ($5::text[] is null or c.purpose = any ($5))
          end
), alike as materialized (
    -- What grants tell apart without naming cameras: hundreds where there are thousands of cameras.
    select k.unit, k.purpose,
           array(select up.id from agency a join agency up on a.path <@ up.path where a.id in (k.owner, k.manager)) as agencies
    from (select distinct unit, purpose, owner, manager from wanted) k
), granted as materialized (
    select g from access_grant g
    where $1 = any (g.rights) and g.revoked is null and g.valid_from <= now() and (g.valid_to is null or g.valid_to > now())
      and (($2::text[] is null and g.units is null and g.fleets is null and g.camera_purposes is null and g.groups is null
            and g.cameras is null)
           or (exists (
                   select from alike k
                   where (g.defence or k.purpose is distinct from 'defence') and (g.units is null or k.unit = any (g.units))
                     and (g.fleets is null or k.agencies && g.fleets)
                     and (g.camera_purposes is null or k.purpose = any (g.camera_purposes)))
               and (g.cameras is null and g.groups is null or exists (
                   select from wanted c where grant_covers(g, c.id, c.unit, c.owner, c.manager, c.purpose)))))
), desk as (
    select p.id, p.agency, p.kind from granted join post p on p.id = (granted.g).post where p.closed is null
    union
    select p.id, p.agency, p.kind
    from granted join agency up on up.id = (granted.g).agency join agency a on a.path <@ up.path join post p on p.agency = a.id
    where p.closed is null
)
select distinct t.account, ltree2text(a.path) as path
from desk d join tenure t on t.post = d.id join account c on c.id = t.account and not c.disabled
left join agency a on a.id = d.agency
where t.valid_from <= now() and (t.valid_to is null or t.valid_to > now())
  and exists (select from regulation_rule r
              where r.version = regulation_in_force(now()) and r.kind = d.kind and r.right_name = $1)

-- name: holders_of_kind
-- Everybody who holds a post of one of these kinds now.
select distinct t.account, ltree2text(a.path) as path
from post p join tenure t on t.post = p.id join account c on c.id = t.account and not c.disabled
left join agency a on a.id = p.agency
where p.kind = any ($1) and p.closed is null and t.valid_from <= now() and (t.valid_to is null or t.valid_to > now())

-- name: open_of
-- How many are open; one at a time for an account, so that two at once do not both pass the limit.
select count(*) from access_request where account = $1 and state = 'open'

-- name: lock_account
select pg_advisory_xact_lock(1802002283, hashtext($1))

-- name: add_request
insert into access_request (id, kind, account, post, agency, rights, cameras, units, fleets, camera_purposes, purpose,
                            case_number, reason, basis, valid_from, valid_to, owner, version, due, remind, escalate)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)

-- name: request_seen
-- As the reader sees it.
select r.*, a.display_name, p.title as post_title, g.name as agency_name, o.name as owner_name, d.display_name as decided_by_name
from access_request r join person a on a.id = r.account join post p on p.id = r.post
left join agency g on g.id = r.agency left join agency o on o.id = r.owner left join person d on d.id = r.decided_by
where r.id = $1

-- name: requests_seen
-- $1 box: inbox, mine or all; $2 account; $3 state or ''; $4 the number they come before; $5 how many; $6 kind or ''.
select r.*, a.display_name, p.title as post_title, g.name as agency_name, o.name as owner_name, d.display_name as decided_by_name
from access_request r join person a on a.id = r.account join post p on p.id = r.post
left join agency g on g.id = r.agency left join agency o on o.id = r.owner left join person d on d.id = r.decided_by
where ($1 <> 'mine' or r.account = $2)
  and ($1 <> 'inbox' or (r.account <> $2 and ($3 <> '' or (r.state = 'open' and r.due > now()))))
  and ($3 = '' or r.state = $3) and r.number < $4 and ($6 = '' or r.kind = $6)
order by r.number desc limit $5

-- name: lock_request
select * from access_request where id = $1 for update

-- name: still_holds
-- Whether an account that may sign in still holds a post.
select exists (
    select from tenure t join post p on p.id = t.post join account a on a.id = t.account
    where t.account = $1 and t.post = $2 and p.closed is null and not a.disabled
      and t.valid_from <= now() and (t.valid_to is null or t.valid_to > now()))

-- name: parents
-- Grants the account holds and may hand on that cover it, the ones that narrow it least first. $1 account, $2 the grants it is
-- held to, $3 rights, $4 cameras, or $5 units, $6 fleets, $7 camera purposes; $8 purposes, $9 until.
select (s.holds).id
from standing($1, now(), $2) s
where (s.holds).passes > 0 and (s.holds).rights @> $3::text[]
  and not exists (
      select from camera c
      where c.id = any ($4::text[])
        and not grant_covers(s.holds, c.id, c.unit, c.owner, c.manager, c.purpose))
  and ((s.holds).units is null or $5::text[] is null or $5 <@ (s.holds).units)
  and ((s.holds).fleets is null or $6::text[] is null or $6 <@ with_agencies_below((s.holds).fleets))
  and ((s.holds).camera_purposes is null or $7::text[] is null or $7 <@ (s.holds).camera_purposes)
order by ((s.holds).purposes is null or $8::text[] <@ (s.holds).purposes) desc,
         ((s.holds).valid_to is null or (s.holds).valid_to >= $9::timestamptz) desc,
         ($4::text[] is not null or ((s.holds).cameras is null and (s.holds).groups is null)) desc,
         ((s.holds).units is null or $5 is not null) desc, ((s.holds).fleets is null or $6 is not null) desc,
         ((s.holds).camera_purposes is null or $7 is not null) desc,
         ((s.holds).hours_from is null and (s.holds).weekdays is null) desc,
         cardinality((s.holds).lineage), (s.holds).id
limit 1

-- name: defence_among
select exists (select from camera where id = any ($1) and purpose = 'defence')

-- name: give
insert into access_grant (id, post, rights, units, fleets, camera_purposes, cameras, defence, purposes, hours_from, hours_to,
                          weekdays, valid_from, valid_to, origin, parent, lineage, given_by, basis, note)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, '{}', $17, $18, $19)
returning units, fleets, camera_purposes, groups, hours_from, weekdays

-- name: decide_request
update access_request
set state = $2, decided = now(), decided_by = $3, decision = $4, access_grant = $5
where id = $1 and state = 'open' and due > now()
returning id

-- name: withdraw_request
update access_request set state = 'withdrawn', decided = now(), decided_by = account, decision = $3
where id = $1 and account = $2 and state = 'open'
returning id

-- name: add_word
insert into second_word (id, account, right_name, camera, purpose, case_number, by_account, valid_to)
values ($1, $2, $3, $4, $5, $6, $7, now() + $8::interval)

-- name: lock_deadlines
-- One replica at a time.
select pg_try_advisory_xact_lock(1802002284)

-- name: lapse_requests
update access_request set state = 'lapsed', decided = now()
where id in (select id from access_request where state = 'open' and due <= now() order by due limit 200 for update skip locked)
returning *

-- name: remind_requests
-- $1 reminded so far: 0 nobody, 1 those who decide.
update access_request set reminded = $1 + 1
where id in (
    select id from access_request
    where state = 'open' and reminded = $1 and due > now() and case when $1 = 0 then remind else escalate end <= now()
    order by due limit 200 for update skip locked)
returning *

-- name: display_name
select display_name from account where id = $1

-- name: add_emergency
insert into emergency (id, account, post, agency, rights, cameras, units, fleets, camera_purposes, purpose, case_number, reason,
                       version, clause, confirm_by)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)

-- name: unsettled_emergencies
select count(*) from emergency where account = $1 and state in ('waiting', 'in_force')

-- name: emergency_seen
select e.*, a.display_name, p.title as post_title, g.name as agency_name, c.display_name as confirmed_by_name,
       d.display_name as ended_by_name, w.display_name as reviewed_by_name
from emergency e join person a on a.id = e.account join post p on p.id = e.post left join agency g on g.id = e.agency
left join person c on c.id = e.confirmed_by left join person d on d.id = e.ended_by left join person w on w.id = e.reviewed_by
where e.id = $1

-- name: emergencies_seen
-- $1 state or ''; $2 the number they come before; $3 how many.
select e.*, a.display_name, p.title as post_title, g.name as agency_name, c.display_name as confirmed_by_name,
       d.display_name as ended_by_name, w.display_name as reviewed_by_name
from emergency e join person a on a.id = e.account join post p on p.id = e.post left join agency g on g.id = e.agency
left join person c on c.id = e.confirmed_by left join person d on d.id = e.ended_by left join person w on w.id = e.reviewed_by
where e.number < $2
  and ($1 = '' or $1 = case when e.state = 'waiting' and e.confirm_by <= now() then 'lapsed'
                            when e.state = 'in_force' and e.until <= now() then 'ended' else e.state end)
order by e.number desc limit $3

-- name: lock_emergency
select * from emergency where id = $1 for update

-- name: confirm_emergency
update emergency
set state = 'in_force', confirmed = now(), confirmed_by = $2, until = $3, access_grant = $4, review_due = $5, remind = $6
where id = $1

-- name: revoke
update access_grant set revoked = now(), revoked_by = $2, revoked_reason = $3 where id = $1 and revoked is null

-- name: end_emergency
update emergency set state = 'ended', ended = now(), ended_by = $2, ended_reason = $3, review_due = $4, remind = $5 where id = $1

-- name: review_emergency
update emergency set state = 'reviewed', verdict = $2, review = $3, reviewed = now(), reviewed_by = $4 where id = $1

-- name: lapse_emergencies
update emergency set state = 'lapsed'
where id in (select id from emergency where state = 'waiting' and confirm_by <= now() limit 200 for update skip locked)
returning *

-- name: end_emergencies
update emergency set state = 'ended', ended = until
where id in (select id from emergency where state = 'in_force' and until <= now() limit 200 for update skip locked)
returning *

-- name: remind_reviews
-- $1 reminded so far: 0 before it is due, 1 when it is overdue.
update emergency set reminded = $1 + 1
where id in (
    select id from emergency
    where state = 'ended' and reminded = $1 and case when $1 = 0 then remind else review_due end <= now()
    limit 200 for update skip locked)
returning *

-- name: add_notice
insert into notice (account, kind, subject_kind, subject, vi, en) values ($1, $2, $3, $4, $5, $6)

-- name: notices_of
select id, at, kind, subject_kind, subject, vi, en, read is not null as read from notice
where account = $1 order by id desc limit $2

-- name: unread
select count(*) from notice where account = $1 and read is null

-- name: read_notices
-- $2 null: all of them.
update notice set read = now() where account = $1 and read is null and ($2::bigint[] is null or id = any ($2))

-- name: prune_notices
delete from notice where read < now() - interval '90 days'

-- name: agency_name
select name from agency where id = $1

-- name: give_up
update emergency set state = 'lapsed' where id = $1

-- name: both_reach_defence
-- Whether each of $1 may know of all of the cameras $2; of a place (null), whether each has the compartment.
select bool_and(case
    when $2::text[] is null then exists (
        select from standing(who, now(), null) s where (s.holds).defence and 'see' = any ((s.holds).rights))
    else not exists (
        select from camera c
        where c.id = any ($2) and not exists (
            select from standing(who, now(), null) s
            where 'see' = any ((s.holds).rights) and grant_covers(s.holds, c.id, c.unit, c.owner, c.manager, c.purpose)))
    end)
from unnest($1::text[]) who

-- name: reaches_emergency
select reaches_some_of(cameras, units, fleets, camera_purposes) as reaches from emergency where id = $1
