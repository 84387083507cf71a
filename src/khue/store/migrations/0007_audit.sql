-- Every access, change and refusal, written before the first byte is served. No reference to other tables: it outlives what it
-- speaks of. ``leaf`` is its place in a Merkle tree; khue.model.audit says what bytes it is made of.
create table audit_entry (
    seq bigint primary key check (seq >= 0),  -- without holes: given out with the lock on audit_tree
    at timestamptz not null,
    account text not null,
    username text not null,
    post text not null default '',
    action text not null,
    address text not null,
    outcome text not null check (outcome in ('allowed', 'refused')),
    camera text not null default '',
    stream text not null default '',
    period_start timestamptz,
    period_end timestamptz,
    purpose text not null default '',
    case_number text not null default '',
    reason text not null default '',
    grant_id text not null default '',
    clause text not null default '',
    version text not null default '',  -- of the regulation
    cameras integer not null default 0,  -- how many, when it is about several
    named text[] not null default '{}',  -- which, where they were named one by one
    detail text not null default '',
    salt text not null,  -- random: from a leaf nobody guesses what it stands for
    leaf bytea not null
);
create index audit_entry_by_time on audit_entry (at, seq);
create index audit_entry_by_account on audit_entry (account, seq);
create index audit_entry_by_camera on audit_entry (camera, seq) where camera <> '';
create index audit_entry_by_named on audit_entry using gin (named) where named <> '{}';
create index audit_entry_by_grant on audit_entry (grant_id, seq) where grant_id <> '';
create index audit_entry_by_case on audit_entry (case_number, seq) where case_number <> '';
create index audit_entry_refused on audit_entry (seq) where outcome = 'refused';

-- The tree's own record of the leaves, a row for each commit: what an entry was, whatever becomes of its row.
create table audit_batch (
    first bigint primary key,
    leaves bytea not null check (length(leaves) > 0 and length(leaves) % 32 = 0)
);
-- Roots of complete subtrees of 256, 65,536 ... leaves: a proof about any size reads a few hundred hashes, not all.
create table audit_node (
    level smallint not null check (level > 0 and level % 8 = 0),
    position bigint not null,
    hash bytea not null check (length(hash) = 32),
    primary key (level, position)
);
-- One row, locked by whoever appends: how many entries there are, and the right edge of their tree.
create table audit_tree (
    one boolean primary key default true check (one),
    size bigint not null,
    at timestamptz not null,  -- of the newest entry: time never goes back along the log
    edge bytea[] not null  -- hashes of subtrees of falling size, one for each bit of ``size``
) with (fillfactor = 20);
create table audit_checkpoint (
    size bigint primary key,
    at timestamptz not null default now(),
    root bytea not null check (length(root) = 32),
    note text not null  -- signed
);

-- The bytes of a leaf, for whoever checks with nothing but SQL: sha256('\x00' || audit_bytes(e)).
create function audit_bytes(e audit_entry) returns bytea language sql stable as $$
    select convert_to(
        '{"v":1,"seq":' || e.seq || ',"at":' || (extract(epoch from e.at) * 1000000)::bigint
        || ',"account":' || to_json(e.account) || ',"username":' || to_json(e.username) || ',"post":' || to_json(e.post)
        || ',"action":' || to_json(e.action) || ',"address":' || to_json(e.address) || ',"outcome":' || to_json(e.outcome)
        || ',"camera":' || to_json(e.camera) || ',"stream":' || to_json(e.stream)
        || ',"period_start":' || coalesce(((extract(epoch from e.period_start) * 1000000)::bigint)::text, 'null')
        || ',"period_end":' || coalesce(((extract(epoch from e.period_end) * 1000000)::bigint)::text, 'null')
        || ',"purpose":' || to_json(e.purpose) || ',"case_number":' || to_json(e.case_number) || ',"reason":' || to_json(e.reason)
        || ',"grant":' || to_json(e.grant_id) || ',"clause":' || to_json(e.clause) || ',"version":' || to_json(e.version)
        || ',"cameras":' || e.cameras || ',"named":' || array_to_json(e.named) || ',"detail":' || to_json(e.detail)
        || ',"salt":' || to_json(e.salt) || '}', 'UTF8')
$$;

-- What the log holds already is taken over, in its order.
insert into audit_entry (
    seq, at, account, username, action, address, outcome, camera, stream, period_start, period_end, purpose, detail, salt, leaf)
select row_number() over (order by id) - 1, at, account, username, action, address, outcome, camera, stream,
       period_start, period_end, purpose, detail, replace(gen_random_uuid()::text, '-', ''), ''
from access_log;
update audit_entry e set leaf = sha256('\x00'::bytea || audit_bytes(e));
insert into audit_batch (first, leaves)
select min(seq), string_agg(leaf, ''::bytea order by seq) from audit_entry group by seq / 1000;
do $$
declare
    edge bytea[] := '{}';
    size bigint := 0;
    latest timestamptz := 'epoch';
    entry record;
    hash bytea;
    level integer;
begin
    for entry in select seq, at, leaf from audit_entry order by seq loop
        hash := entry.leaf;
        level := 0;
        while (size >> level) & 1 = 1 loop
            hash := sha256('\x01'::bytea || edge[cardinality(edge)] || hash);
            edge := edge[1 : cardinality(edge) - 1];
            level := level + 1;
            if level % 8 = 0 then
                insert into audit_node (level, position, hash) values (level, size >> level, hash);
            end if;
        end loop;
        edge := edge || hash;
        size := size + 1;
        latest := greatest(latest, entry.at);
    end loop;
    insert into audit_tree (size, at, edge) values (size, latest, edge);
end
$$;
drop table access_log;

create trigger audit_entry_is_append_only before update or delete or truncate on audit_entry
    for each statement execute function refuse_change();
create trigger audit_batch_is_append_only before update or delete or truncate on audit_batch
    for each statement execute function refuse_change();
create trigger audit_node_is_append_only before update or delete or truncate on audit_node
    for each statement execute function refuse_change();
create trigger audit_checkpoint_is_append_only before update or delete or truncate on audit_checkpoint
    for each statement execute function refuse_change();
create function audit_tree_grows() returns trigger language plpgsql as $$
begin
    if new.size <= old.size then
        raise exception 'the audit log only grows';
    end if;
    return new;
end
$$;
create trigger audit_tree_only_grows before update on audit_tree for each row execute function audit_tree_grows();
create trigger audit_tree_stays before delete or truncate on audit_tree for each statement execute function refuse_change();

-- Read by whoever may audit: entries whose every camera is in reach for that; those about no camera by auditors of the
-- whole city, others read their own.
grant select on audit_entry to khue_reader;
create policy audit_entry_seen_by on audit_entry for select to khue_reader using (
    (select current_setting('khue.right', true) = 'audit')
    and ((select reads_everything())
         or (case when camera <> '' then exists (select from camera c where c.id = audit_entry.camera)
                  when named <> '{}' then true
                  else (select reaches_whole_city()) or account = (select current_setting('khue.account', true)) end
             and (named = '{}' or not exists (
                 select from unnest(named) n (id) where not exists (select from camera c where c.id = n.id))))));
alter table audit_entry enable row level security;
