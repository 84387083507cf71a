-- name: lock_first_run
-- Replicas that start together load one regulation.
select pg_advisory_xact_lock(1802002278)

-- name: any_version
select exists (select from regulation_version)

-- name: add_version
insert into regulation_version (id, title, title_en, document, timezone, files, digest, settings, loaded_by)
values ($1, $2, $3, $4, $5, $6::text::jsonb, $7, $8::text::jsonb, $9)

-- name: add_clause
insert into regulation_clause (version, clause, vi, en) values ($1, $2, $3, $4)

-- name: add_rule
insert into regulation_rule (version, kind, right_name, purposes, default_purpose, needs_purpose, needs_reason, needs_case,
                             needs_second, clause)
values ($1, $2, $3, $4::text[], $5, $6, $7, $8, $9, $10)

-- name: put_in_force
update regulation_version set valid_from = $2, activated = now(), activated_by = $3 where id = $1

-- name: in_force
select regulation_in_force(now())

-- name: clauses_of
select clause, vi, en from regulation_clause where version = $1

-- name: versions
-- Newest first: what holds, what is to hold, what held, and what was only loaded.
select id, title, title_en, document, timezone, digest, loaded, loaded_by, valid_from, activated, activated_by,
       coalesce(id = regulation_in_force(now()), false) as in_force, now() as at
from regulation_version
order by coalesce(valid_from, loaded) desc, id

-- name: files_of
select files::text as files from regulation_version where id = $1

-- name: lock_version
-- $1; everybody who puts a version in force waits here for the others.
select id, valid_from, coalesce(id = regulation_in_force(now()), false) as in_force, now() as at
from regulation_version where id = $1 for update

-- name: lock_activation
select pg_advisory_xact_lock(1802002279)

-- name: rules_of_account
-- What the regulation in force says of each post the account $1 holds now.
select p.id as post, p.title, p.title_en, r.right_name, r.purposes, r.default_purpose, r.needs_purpose, r.needs_reason,
       r.needs_case, r.needs_second, r.clause
from tenure t join post p on p.id = t.post join regulation_rule r on r.kind = p.kind
where t.account = $1 and t.valid_from <= now() and (t.valid_to is null or t.valid_to > now()) and p.closed is null
  and r.version = regulation_in_force(now())
order by p.account is null, p.title, p.id

-- name: touched
-- Posts of each kind, and people who hold one now.
select p.kind, count(distinct p.id) as posts, count(distinct t.account) as people
from post p
left join tenure t on t.post = p.id and t.valid_from <= now() and (t.valid_to is null or t.valid_to > now())
where p.closed is null
group by p.kind

-- name: withdraw
update regulation_version set valid_from = null, activated = null, activated_by = null
where id = $1 and valid_from > now() returning id

-- name: try_version
-- In a transaction that is taken back: as if the version held, and nothing else.
update regulation_version set valid_from = case when id = $1 then statement_timestamp() - interval '1 second' end

-- name: try_account
insert into account (id, username, display_name, role, password_hash) values ($1, $1, $1, 'member', '')

-- name: try_post
insert into post (id, account, kind, title) values ('of-' || $1, $1, $2, $1)
on conflict (id) do update set kind = excluded.kind

-- name: try_tenure
insert into tenure (account, post, basis, given_by) select $1, 'of-' || $1, 'case', 'case'
where not exists (select from tenure where post = 'of-' || $1)

-- name: try_grant
insert into access_grant (id, post, rights, defence, origin, lineage, given_by, basis)
values ($1, 'of-' || $1, array['see', 'live', 'playback', 'export', 'ptz', 'manage', 'onboard', 'approve', 'audit', 'administer'],
        true, 'appointment', '{}', 'case', 'case')

-- name: try_case
select verdict, clause, purpose, needs_reason, needs_case, needs_second from decide($1, $2, '', $3, array[$1])

-- name: lock_upkeep
select pg_advisory_xact_lock(1802002280)

-- name: keep_classes
-- $1 names, $2 days, $3 priorities: those that are not so already.
insert into retention_class as c (name, days, priority) select * from unnest($1::text[], $2::float8[], $3::integer[])
on conflict (name) do update set days = excluded.days, priority = excluded.priority
where (c.days, c.priority) is distinct from (excluded.days, excluded.priority)
returning name

-- name: put_purposes
-- What new cameras of each purpose take. $1 purposes, $2 their classes, $3 their tiers.
update purpose p set retention_class = n.retention_class, disclosure = n.disclosure
from unnest($1::text[], $2::text[], $3::text[]) as n (id, retention_class, disclosure)
where p.id = n.id and (p.retention_class, p.disclosure) is distinct from (n.retention_class, n.disclosure)

-- name: bump_nodes
update node set revision = revision + 1 returning id
