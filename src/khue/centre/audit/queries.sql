-- name: lock_tree
-- Whoever appends holds it to the end of its transaction: replicas come one after the other.
select size, at, edge, clock_timestamp() as now from audit_tree for update

-- name: append
-- $1 to $23 columns of entries; $24, $25 their batch; $26 to $28 the tree after them; $29 to $31 subtrees they complete.
with entries as (
    insert into audit_entry (
        seq, at, account, username, post, action, address, outcome, camera, stream, period_start, period_end, purpose,
        case_number, reason, grant_id, clause, version, cameras, named, detail, salt, leaf)
    select e.seq, e.at, e.account, e.username, e.post, e.action, e.address, e.outcome, e.camera, e.stream, e.period_start,
           e.period_end, e.purpose, e.case_number, e.reason, e.grant_id, e.clause, e.version, e.cameras,
           case when e.named = '' then '{}' else string_to_array(e.named, ',') end, e.detail, e.salt, e.leaf
    from unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                $9::text[], $10::text[], $11::timestamptz[], $12::timestamptz[], $13::text[], $14::text[], $15::text[],
                $16::text[], $17::text[], $18::text[], $19::integer[], $20::text[], $21::text[], $22::text[], $23::bytea[])
         as e (seq, at, account, username, post, action, address, outcome, camera, stream, period_start, period_end, purpose,
               case_number, reason, grant_id, clause, version, cameras, named, detail, salt, leaf)
), batch as (
    insert into audit_batch (first, leaves) values ($24, $25)
), nodes as (
    insert into audit_node (level, position, hash) select * from unnest($29::smallint[], $30::bigint[], $31::bytea[])
)
update audit_tree set size = $26, at = $27, edge = $28

-- name: read_tree
select size, at, edge from audit_tree

-- name: leaves
-- Batches that hold any of the entries $1 to $2 - 1.
select first, leaves from audit_batch
where first >= coalesce((select max(first) from audit_batch where first <= $1), 0) and first < $2
order by first

-- name: nodes
-- Of level $1, positions $2 to $3 - 1.
select hash from audit_node where level = $1 and position >= $2 and position < $3 order by position

-- name: newest
select size, at, root, note from audit_checkpoint order by size desc limit 1

-- name: due
-- How far the newest checkpoint is behind, and since when.
select t.size, c.size as signed, now() - c.at as waited
from audit_tree t left join (select size, at from audit_checkpoint order by size desc limit 1) c on true

-- name: add_checkpoint
insert into audit_checkpoint (size, root, note) values ($1, $2, $3) returning at

-- name: list_checkpoints
-- Newest first; $1 below this size or null, $2 limit.
select size, at, root, note from audit_checkpoint where $1::bigint is null or size < $1 order by size desc limit $2

-- name: checkpoints_between
-- Larger than $1, up to $2; at most $3 of them, spread over all.
select size, at, root, note from (
    select c.*, row_number() over (order by size) as place, count(*) over () as among
    from audit_checkpoint c where size > $1 and size <= $2) c
where among <= $3 or place % (among / $3 + 1) = 0 or place = among
order by size

-- name: entries
-- $1 to $2 - 1.
select seq, at, account, username, post, action, address, outcome, camera, stream, period_start, period_end, purpose,
       case_number, reason, grant_id, clause, version, cameras, named, detail, salt, leaf
from audit_entry where seq >= $1 and seq < $2 order by seq

-- name: seqs
-- As ``entries``: those the reader sees.
select seq from audit_entry where seq >= $1 and seq < $2

-- name: beyond
-- An entry the tree knows nothing of.
select min(e.seq) from audit_entry e where e.seq >= (select size from audit_tree)

-- name: first_at
-- The first entry that is not before $1; the size of the log when there is none.
select coalesce((select seq from audit_entry where at >= $1 order by at, seq limit 1), (select size from audit_tree))

-- name: node_range
select position, hash from audit_node where level = $1 and position >= $2 and position < $3 order by position

-- name: account_id
-- Of a user name; an id stays what it is.
select coalesce((select id from account where username = lower($1)), $1)

-- name: watchers
select e.account, max(e.username) as username, e.post, count(*) filter (where e.outcome = 'allowed') as allowed,
       count(*) filter (where e.outcome = 'refused') as refused, min(e.at) as first, max(e.at) as last,
       array_agg(distinct e.action) as actions, array_remove(array_agg(distinct e.purpose), '') as purposes,
       array_remove(array_agg(distinct e.case_number), '') as cases, array_remove(array_agg(distinct e.grant_id), '') as grants
from audit_entry e
where /* where */ and e.action in ('camera:live', 'camera:playback', 'camera:snapshot', 'clip:create', 'clip:download')
group by e.account, e.post order by count(*) desc, max(e.at) desc limit 1000

-- name: doings
select e.action, e.post, count(*) filter (where e.outcome = 'allowed') as allowed,
       count(*) filter (where e.outcome = 'refused') as refused, min(e.at) as first, max(e.at) as last,
       count(distinct nullif(e.camera, '')) as cameras, array_remove(array_agg(distinct e.purpose), '') as purposes,
       array_remove(array_agg(distinct e.case_number), '') as cases, array_agg(distinct e.address) as addresses
from audit_entry e where /* where */
group by e.action, e.post order by count(*) desc, max(e.at) desc limit 1000

-- name: cameras_of
select e.camera, (select c.name from camera c where c.id = e.camera) as name, count(*) as count,
       count(*) filter (where e.outcome = 'refused') as refused, min(e.at) as first, max(e.at) as last,
       array_agg(distinct e.action) as actions
from audit_entry e where /* where */ and e.camera <> ''
group by e.camera order by count(*) desc, max(e.at) desc limit 1000

-- name: refusals
select e.account, e.username, e.action, e.clause, e.version, count(*) as count, count(distinct nullif(e.camera, '')) as cameras,
       min(e.at) as first, max(e.at) as last, (array_agg(e.detail order by e.seq desc))[1] as detail,
       array_agg(distinct e.address) as addresses
from audit_entry e where /* where */ and e.outcome = 'refused'
group by e.account, e.username, e.action, e.clause, e.version order by count(*) desc, max(e.at) desc limit 1000

-- name: unused_grants
-- In force, given longer ago than $1, and no entry of that time refers to it.
select g.id, g.post, p.title, coalesce(g.agency, p.agency) as agency, a.name as agency_name, g.rights, g.valid_from, g.valid_to,
       g.origin, g.basis, g.given_by,
       (select e.at from audit_entry e where e.grant_id = g.id order by e.seq desc limit 1) as last_used
from access_grant g left join post p on p.id = g.post left join agency a on a.id = coalesce(g.agency, p.agency)
where g.revoked is null and (g.valid_to is null or g.valid_to > now()) and greatest(g.valid_from, g.created) <= now() - $1::interval
  and not exists (select from audit_entry e where e.grant_id = g.id and e.at > now() - $1::interval)
order by last_used nulls first, g.created limit 5000
