-- name: camera_node
-- Where a camera is now, and since when it is to be recorded.
select c.created, p.node
from camera c left join placement p on p.camera = c.id
where c.id = $1

-- name: live_nodes
select id from node where lease_until > now()

-- name: holdings
select node, started, ended
from coverage_span
where camera = $1 and stream = $2 and started < $4 and ended > $3
order by started

-- name: gaps
select node, started, ended, cause, detail, partial
from gap
where camera = $1 and stream = $2 and started < $4 and coalesce(ended, 'infinity') > $3
order by started

-- name: add_clip
insert into clip (id, account, camera, stream, started, ended) values ($1, $2, $3, $4, $5, $6)

-- name: clip_by_id
select * from clip where id = $1

-- name: list_clips
-- $1 account, or null for everybody's.
select * from clip where $1::text is null or account = $1 order by created desc limit $2

-- name: claim_clip
-- The oldest that nobody makes: new, or left by a replica whose lease ran out.
update clip
set worker = $1, lease_until = now() + make_interval(secs => $2), attempts = attempts + 1, bytes = 0, progress = 0
where id = (
    select id from clip
    where state = 'running' and lease_until < now() and attempts < $3
    order by created
    limit 1
    for update skip locked)
returning *

-- name: give_up_clips
update clip
set state = 'failed', finished = now(),
    error = format('it was interrupted %s times by a restart of the centre; ask for it again', attempts)
where state = 'running' and lease_until < now() and attempts >= $1
returning id

-- name: advance_clip
-- Nothing is updated when another replica has taken it over.
update clip set bytes = $3, progress = $4, lease_until = now() + make_interval(secs => $5)
where id = $1 and worker = $2 and state = 'running'
returning id

-- name: finish_clip
update clip set state = 'done', bytes = $3, progress = 1, sha256 = $4, finished = now()
where id = $1 and worker = $2 and state = 'running'
returning id

-- name: fail_clip
update clip set state = 'failed', error = $3, finished = now() where id = $1 and worker = $2 and state = 'running'

-- name: postpone_clip
-- Another try later, not counted: the way to the recording was away.
update clip set worker = '', lease_until = now() + make_interval(secs => $3), attempts = attempts - 1
where id = $1 and worker = $2 and state = 'running'

-- name: prune_spans
-- A day later than the node would: it is the one that deletes. What a hold keeps stays.
delete from coverage_span s
using camera c, retention_class r
where c.id = s.camera and r.name = c.retention_class
  and s.ended < now() - make_interval(days => 1) - make_interval(secs => r.days * 86400)
  and not exists (
      select from legal_hold h
      where h.camera = s.camera and h.released is null and h.started < s.ended and h.ended > s.started)

-- name: prune_gaps
delete from gap g
using camera c, retention_class r
where c.id = g.camera and r.name = c.retention_class
  and g.ended < now() - make_interval(days => 1) - make_interval(secs => r.days * 86400)

-- name: old_clips
select id from clip where finished < now() - make_interval(secs => $1 * 86400)

-- name: drop_clip
delete from clip where id = $1
