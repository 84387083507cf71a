-- An index holds no longer rows (2,704 bytes).
create function camera_search_fits() returns trigger language plpgsql as $$
begin
    new.search = left(new.search, 375);
    return new;
end
$$;
create trigger camera_search_fits before insert or update of search on camera for each row
    when (octet_length(new.search) > 1500) execute function camera_search_fits();

-- How far a node has recorded: a row per node, not per stream, because all of it is rewritten with each heartbeat. Worthless
-- after a crash, when the next heartbeat brings it back.
create unlogged table node_progress (
    node text primary key,
    streams text[] not null,  -- 'camera/stream'; written anew only when it is another list
    streams_digest bytea not null,
    recorded_until bigint[] not null  -- of each of them, microseconds since 1970
) with (fillfactor = 50);

-- Compressing costs more than it saves.
alter table node_progress alter column streams set storage external, alter column recorded_until set storage external;

create view stream_view with (security_invoker = true) as
select
    s.camera, s.name, s.shown_url, s.transport, s.record, p.node,
    case
        when not c.enabled then 'disabled'
        when p.node is null or n.lease_until is null or n.lease_until < now() then 'unreachable'
        else coalesce(t.state, 'connecting')
    end as state,
    case
        when not c.enabled then coalesce(t.since, c.created)
        when p.node is null or n.lease_until is null then coalesce(p.since, c.created)
        when n.lease_until < now() then n.lease_until
        else coalesce(t.since, p.since)
    end as since,
    case
        when not c.enabled then 'switched off'
        when p.node is null then coalesce(p.reason, 'not yet given to a node')
        when n.lease_until is null then format('node %s has never been heard of; start it or check its token', p.node)
        when n.lease_until < now() then format('node %s is not heard of; it may go on recording', p.node)
        else coalesce(t.detail, '')
    end as detail,
    case
        when not c.enabled then 'policy'
        when p.node is null or n.lease_until is null or n.lease_until < now() then 'node'
        else t.cause
    end as cause,
    coalesce(t.codec, '') as codec, coalesce(t.width, 0) as width, coalesce(t.height, 0) as height,
    t.clock_offset_ms,
    -- As of the last heartbeat; of a node that has just started, what it reported before.
    coalesce(
        (select to_timestamp(
             g.recorded_until[array_position(g.streams, s.camera || '/' || s.name)]::double precision / 1000000)
         from node_progress g where g.node = p.node),
        (select d.ended from coverage_span d where d.camera = s.camera and d.stream = s.name and d.node = p.node
         order by d.started desc limit 1)
    ) as recorded_until
from camera_stream s
join camera c on c.id = s.camera
left join placement p on p.camera = s.camera
left join node n on n.id = p.node
left join stream_status t on t.camera = s.camera and t.stream = s.name
where c.deleted is null;

create table sighting (
    camera text primary key,  -- no reference: one unknown id must not reject a batch
    node text,  -- it is placed on
    state text,  -- as that node last said; null: it has no place, and so no stream
    since timestamptz,  -- seen working without a break that counts since then, or not at all; null: nobody looked yet
    recorded_at timestamptz,  -- the last time it was known to be recorded, when it no longer is
    probed_at timestamptz,  -- the last probe it answered with pictures
    detail text not null default ''
) with (fillfactor = 70);

-- How long what was seen counts. From the configuration of the centre.
create table seen_rule (
    only_row boolean primary key default true check (only_row),
    recorded interval not null,
    probed interval not null
);

-- A stream that is not on a node that is heard of is unreachable, whatever was said before (``told``); that node's word on
-- what it records ends with its lease. Everything about nodes and times is asked once per statement, not once per camera.
create view camera_now as
select w.camera, w.node, case when w.silent then 'unreachable' else w.told end as state, w.told, w.silent,
       case when w.since is not null then w.recorded_lately or w.probed_lately end as seen_working,
       case when w.recorded_lately or w.probed_lately then w.since else coalesce(w.last_seen, w.since) end as seen_since,
       case when w.since is null then null when w.probed_lately and not w.recorded_lately then 'probe' else 'recording' end
           as seen_how,
       w.detail as seen_detail
from (
    select s.camera, s.node, s.state as told, s.since, s.detail,
           coalesce(s.node = any (array(
               select n.id from node n where n.lease_until is null or n.lease_until < now())), false) as silent,
           case
               when s.state = 'recording' then not s.node = any (array(
                   select n.id from node n
                   where n.lease_until is null or n.lease_until < now() - (select r.recorded from seen_rule r)))
               else coalesce(s.recorded_at > (select now() - r.recorded from seen_rule r), false)
           end as recorded_lately,
           coalesce(s.probed_at > (select now() - r.probed from seen_rule r), false) as probed_lately,
           greatest(s.recorded_at, s.probed_at, case when s.state = 'recording' then (
               array(select n.lease_until from node n order by n.id))[
               array_position(array(select n.id from node n order by n.id), s.node)] end) as last_seen
    from sighting s
) w;

create view camera_seen as
select camera, seen_working as working, seen_since as since, seen_how as how, seen_detail as detail
from camera_now where seen_working is not null;

create function placement_moved() returns trigger language plpgsql as $$
declare
    stood text := coalesce(new.camera, old.camera);
    lies text := case when new.camera is null then null when new.node is null then 'unreachable' else 'connecting' end;
begin
    if tg_op = 'UPDATE' and new.node is not distinct from old.node then
        return null;
    end if;
    insert into sighting as s (camera, node, state) values (stood, new.node, lies)
    on conflict (camera) do update
    set node = excluded.node, state = excluded.state,
        recorded_at = case
            when s.state = 'recording' then least(now(), (select n.lease_until from node n where n.id = s.node))
            else s.recorded_at
        end;
    return null;
end
$$;
create trigger placement_is_moved after insert or update or delete on placement
    for each row execute function placement_moved();

-- For searching in the past, where the line that is searched is not kept: lower case without marks.
create function folded(t text) returns text language sql immutable parallel safe as $$
    select translate(lower(normalize(t, NFD)), 'đ' || E'\u0300\u0301\u0302\u0303\u0306\u0309\u031B\u0323', 'd')
$$;
