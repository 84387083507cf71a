-- name: agencies
-- As a reader: cameras are those the reader sees.
with held as (
    select owner as agency, id from camera where deleted is null and owner is not null
    union
    select manager, id from camera where deleted is null and manager is not null
), cameras as (
    select agency, count(*) as cameras from held group by agency
), desks as (
    select p.agency, count(distinct p.id) as posts,
           count(distinct t.account) filter (where t.valid_from <= now() and (t.valid_to is null or t.valid_to > now())) as people
    from post p left join tenure t on t.post = p.id
    where p.closed is null group by p.agency
)
select a.id, a.name, a.kind, a.parent, a.unit, a.path::text as path, nlevel(a.path) - 1 as depth,
       coalesce(d.posts, 0) as posts, coalesce(d.people, 0) as people, coalesce(c.cameras, 0) as cameras
from agency a left join cameras c on c.agency = a.id left join desks d on d.agency = a.id
order by a.path

-- name: links
select from_agency, to_agency, kind, valid_from, valid_to, basis from agency_link order by from_agency, valid_from, to_agency

-- name: add_link
insert into agency_link (from_agency, to_agency, kind, basis) values ($1, $2, $3, $4)

-- name: end_link
-- One that began today never was.
with gone as (
    delete from agency_link
    where from_agency = $1 and to_agency = $2 and kind = $3 and valid_to is null and valid_from >= current_date returning 1
), ended as (
    update agency_link set valid_to = current_date
    where from_agency = $1 and to_agency = $2 and kind = $3 and valid_to is null and valid_from < current_date returning 1
)
select (select count(*) from gone) + (select count(*) from ended)

-- name: posts
-- $1 agency or '', $2 with those below it, $3 kind or '', $4 account or '', $5 ids or null, $6 whether grants of defence count,
-- $7 after this id or '', $8 limit.
select p.id, p.agency, a.name as agency_name, p.kind, p.title, p.title_en, p.closed,
       (select count(*) from access_grant g
        where g.post = p.id and g.revoked is null and g.valid_from <= now() and (g.valid_to is null or g.valid_to > now())
          and ($6 or not g.defence)) as grants
from post p left join agency a on a.id = p.agency
where ($1 = '' or p.agency = $1 or ($2 and a.path <@ (select path from agency where id = $1)))
  and ($3 = '' or p.kind = $3)
  and ($4 = '' or exists (select from tenure t where t.post = p.id and t.account = $4 and (t.valid_to is null or t.valid_to > now())))
  and ($5::text[] is null or p.id = any ($5))
  and (p.agency is not null or $4 <> '' or $5::text[] is not null)
  and ($7 = '' or (p.title, p.id) > (select q.title, q.id from post q where q.id = $7))
order by p.title, p.id
limit $8

-- name: post_words
-- What posts are found by: title, agency, holders.
select p.id, concat_ws(' ', p.id, p.title, p.title_en, a.name, string_agg(concat_ws(' ', c.username, c.display_name), ' ')) as words
from post p left join agency a on a.id = p.agency
left join tenure t on t.post = p.id and (t.valid_to is null or t.valid_to > now())
left join account c on c.id = t.account
group by p.id, a.name

-- name: holders
select t.id, t.post, t.account, c.username, c.display_name, t.valid_from, t.valid_to, t.basis
from tenure t join account c on c.id = t.account
where t.post = any ($1) and (t.valid_to is null or t.valid_to > now())
order by t.valid_from, t.id

-- name: known_kind
select exists (
    select from regulation_version v, jsonb_array_elements(v.settings -> 'kinds') k
    where v.id = regulation_in_force(now()) and k ->> 'id' = $1)

-- name: add_post
insert into post (id, agency, kind, title, title_en) values ($1, $2, $3, $4, $5)

-- name: same_ids
select id from post where id = $1 or id like $1 || '-%'

-- name: change_post
update post
set title = coalesce($2, title), title_en = coalesce($3, title_en),
    closed = case when $4::boolean is null then closed when $4::boolean then coalesce(closed, now()) end
where id = $1 and agency is not null
returning id

-- name: post_by_id
select id, agency, account, kind, title, closed from post where id = $1

-- name: beyond
-- A grant of the post $1 or of the agency $2 (or above it) that does not lie within what $3 administers ($4: held to these).
select g.id
from access_grant g
where g.revoked is null and (g.valid_to is null or g.valid_to > now())
  and (g.post = $1 or g.agency in (select up.id from agency a join agency up on a.path <@ up.path where a.id = $2))
  and not exists (
      select from standing($3, now(), $4) s
      join regulation_rule r on r.version = regulation_in_force(now()) and r.kind = s.kind and r.right_name = 'administer'
      where 'administer' = any ((s.holds).rights) and grant_within(g, s.holds))
limit 1

-- name: add_tenure
insert into tenure (account, post, valid_from, valid_to, basis, given_by)
values ($1, $2, coalesce($3, now()), $4, $5, $6) returning id

-- name: tenure_by_id
select t.id, t.post, p.agency, p.account as personal from tenure t join post p on p.id = t.post where t.id = $1

-- name: end_tenure
-- One that has not begun never will.
update tenure set valid_to = greatest(now(), valid_from), basis = basis || $2
where id = $1 and (valid_to is null or valid_to > now()) returning id

-- name: people
-- $1 accounts or null, $2 agency or '' (with those below it), $3 after this user name, $4 limit.
select c.id, c.username, c.display_name, c.role, c.disabled
from account c
where ($1::text[] is null or c.id = any ($1)) and c.username > $3
  and ($2 = '' or exists (
      select from tenure t join post p on p.id = t.post join agency a on a.id = p.agency
      where t.account = c.id and (t.valid_to is null or t.valid_to > now()) and a.path <@ (select path from agency where id = $2)))
order by c.username
limit $4

-- name: people_words
select c.id, concat_ws(' ', c.username, c.display_name, string_agg(concat_ws(' ', p.title, p.title_en, a.name), ' ')) as words
from account c
left join tenure t on t.account = c.id and (t.valid_to is null or t.valid_to > now())
left join post p on p.id = t.post and p.agency is not null
left join agency a on a.id = p.agency
group by c.id

-- name: posts_of_people
select t.account, p.id, p.title, p.title_en, p.agency, a.name as agency_name, p.kind, t.valid_from, t.valid_to
from tenure t join post p on p.id = t.post left join agency a on a.id = p.agency
where t.account = any ($1) and p.closed is null and (t.valid_to is null or t.valid_to > now())
order by p.agency is null, t.valid_from, p.id

-- name: groups
select g.id, g.name, g.agency, exists (select from camera_group_member m where m.camera_group = g.id) as any
from camera_group g order by g.name, g.id

-- name: group_sizes
-- As a reader.
select m.camera_group as id, count(*) as cameras
from camera_group_member m join camera c on c.id = m.camera where c.deleted is null group by 1

-- name: add_group
insert into camera_group (id, name, agency, created_by) values ($1, $2, $3, $4)

-- name: group_by_id
select id, name, agency from camera_group where id = $1 for update

-- name: add_members
insert into camera_group_member (camera_group, camera) select $1, unnest($2::text[]) on conflict do nothing

-- name: drop_members
delete from camera_group_member where camera_group = $1 and camera = any ($2)
