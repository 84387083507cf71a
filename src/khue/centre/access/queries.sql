-- name: become
-- What the policies read, and last the role they bind. $1 account, $2 right, $3 grants it is held to, by commas.
select set_config('khue.account', $1, true), set_config('khue.right', $2, true), set_config('khue.grants', $3, true),
       set_config('role', 'khue_reader', true)

-- name: keep_reach
select keep_reach($1, $2, $3)

-- name: return
select set_config('role', 'none', true)

-- name: seen
select id from camera where id = any($1)

-- name: decide
-- $1 account, $2 right, $3 camera or '', $4 purpose or '', $5 the grants it is held to or null.
select * from decide($1, $2, $3, $4, $5)

-- name: clause
-- The clause $2 of the version $1; without one, that on which refusals of this verdict ($3) stand.
select c.clause as id, c.vi, c.en
from regulation_version v
join regulation_clause c on c.version = v.id and c.clause = coalesce(nullif($2, ''), v.settings -> 'refusals' ->> $3)
where v.id = $1

-- name: ask
-- Who may give a right to the camera $1 ('' is any): posts whose grant lets them decide requests; no person is named.
select distinct a.id as agency, a.name, p.title
from access_grant g
join post p on p.id = g.post and p.closed is null
join agency a on a.id = p.agency
left join camera c on c.id = $1
where 'approve' = any (g.rights) and g.revoked is null and g.valid_from <= now() and (g.valid_to is null or g.valid_to > now())
  and ($1 = '' or grant_covers(g, c.id, c.unit, c.owner, c.manager, c.purpose))
order by a.id, p.title
limit 6

-- name: second
-- Whether somebody else has just agreed to this.
select exists (
    select from second_word
    where account = $1 and right_name = $2 and camera = $3 and purpose = $4 and case_number = $5 and valid_to > now())

-- name: terms
-- $1 account, $2 right, $3 the grants it is held to or null.
select g.units, case when g.fleets is not null then with_agencies_below(g.fleets) end as fleets, g.camera_purposes, g.defence,
       case
           when g.groups is null then g.cameras
           else array(select m.camera from camera_group_member m
                      where m.camera_group = any (g.groups) and (g.cameras is null or m.camera = any (g.cameras))
                      group by m.camera having count(distinct m.camera_group) = cardinality(g.groups))
       end as cameras
from (
    select (s.holds).*, s.kind from standing($1, statement_timestamp(), $3) s
) g
join regulation_version v on v.id = regulation_in_force(statement_timestamp())
join regulation_rule r on r.version = v.id and r.kind = g.kind and r.right_name = $2
where $2 = any (g.rights) and in_hours((select a from access_grant a where a.id = g.id), statement_timestamp(), v.timezone)
order by g.id

-- name: reach
select whole, defence from in_reach()

-- name: epoch
select access_now()

-- name: good_tokens
select t.token_hash from api_token t join account a on a.id = t.account
where t.token_hash = any ($1) and t.expires > now() and not a.disabled

-- name: decide_all
-- Many at once, in their order: $1 accounts, $2 rights, $3 cameras, $4 purposes, $5 grants each is held to, by commas.
select d.*
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) with ordinality
     as w (account, right_name, camera, purpose, held_to, place)
cross join lateral decide(w.account, w.right_name, w.camera, w.purpose, string_to_array(nullif(w.held_to, ''), ',')) d
order by w.place
