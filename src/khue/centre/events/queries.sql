-- name: states_of
select camera, name, state, since, detail, cause from stream_view where camera = any($1) order by camera, name

-- name: position
select sequence from event_position

-- name: lock_position
select sequence from event_position for update

-- name: move_position
update event_position set sequence = $1

-- name: placed
-- Of these nodes and cameras, side by side, those that were ever placed together.
select p.node, p.camera from unnest($1::text[], $2::text[]) as said (node, camera)
join placed_once p on p.node = said.node and p.camera = said.camera

-- name: add_transitions
insert into transition (camera, stream, since, node, state, detail, cause)
select * from unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[])
on conflict do nothing

-- name: put_status
-- Only what the camera's present node says.
insert into stream_status as t (camera, stream, since, node, state, detail, cause, codec, width, height, clock_offset_ms)
select u.camera, u.stream, u.since, u.node, u.state, u.detail, u.cause, u.codec, u.width, u.height, u.clock
from unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::integer[], $10::integer[], $11::bigint[])
     as u (camera, stream, since, node, state, detail, cause, codec, width, height, clock)
join placement p on p.camera = u.camera and p.node = u.node
on conflict (camera, stream) do update
set since = excluded.since, node = excluded.node, state = excluded.state, detail = excluded.detail, cause = excluded.cause,
    codec = case when excluded.codec = '' then t.codec else excluded.codec end,
    width = case when excluded.width = 0 then t.width else excluded.width end,
    height = case when excluded.height = 0 then t.height else excluded.height end,
    clock_offset_ms = coalesce(excluded.clock_offset_ms, t.clock_offset_ms)

-- name: put_spans
insert into coverage_span as s (camera, stream, node, started, ended)
select * from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[])
on conflict (camera, stream, node, started) do update set ended = greatest(s.ended, excluded.ended)
where s.ended < excluded.ended

-- name: withdraw_spans
delete from coverage_span using unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[]) as gone (camera, stream, node, started)
where coverage_span.camera = gone.camera and coverage_span.stream = gone.stream and coverage_span.node = gone.node
  and coverage_span.started = gone.started

-- name: put_gap
insert into gap (camera, stream, node, started, partial, ended, cause, detail)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (camera, stream, node, started, partial) do update
set ended = excluded.ended, cause = excluded.cause, detail = excluded.detail

-- name: withdraw_gap
delete from gap where camera = $1 and stream = $2 and node = $3 and started = $4 and partial = $5

-- name: sight
-- As a reader.
select sha256(reach_bits())
