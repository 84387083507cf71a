do $$
begin
    alter function pg_catalog.textlike(text, text) leakproof;
exception when insufficient_privilege then
    raise notice 'searching is slower: let a superuser run "alter function pg_catalog.textlike(text, text) leakproof"';
end
$$;

do $$
begin
    if not exists (select from pg_roles where rolname = 'khue_reader') then
        create role khue_reader nologin;
    end if;
    if not pg_has_role(current_user, 'khue_reader', 'SET') then
        grant khue_reader to current_user;
    end if;
exception
    when duplicate_object or unique_violation then
        null;  -- another database of the same server made it at this moment
    when insufficient_privilege then
        raise exception 'let an administrator of the server run "create role khue_reader; grant khue_reader to %"', current_user;
end
$$;

do $$
begin
    execute format('grant usage on schema %I to khue_reader', current_schema());
end
$$;
grant select on
    unit, agency, purpose, quota, life_step, retention_class, node, placement, camera, camera_version, camera_stream,
    camera_stream_change, consent, security_finding, life_transition, stream_status, stream_view,
    transition, coverage_span, gap, legal_hold, clip
to khue_reader;

grant select on
    post, tenure, agency_link, camera_group, camera_group_member, access_grant, regulation_version, regulation_clause, regulation_rule
to khue_reader;

-- Asked once per statement, not once per row, because it stands in a query of its own.
create function reads_everything() returns boolean language sql stable as $$ select reaches_all() $$;
create policy camera_seen_by on camera for select to khue_reader using (
    case when number < 8 * length((select reach_bits())) then get_bit((select reach_bits()), number) <> 0 else false end);
alter table camera enable row level security;

-- What a camera was is seen by whoever sees the camera, and not while it was one of defence.
create policy camera_version_seen_by on camera_version for select to khue_reader using (
    (select reads_everything())
    or (((select reaches_defence()) or facts ->> 'purpose' is distinct from 'defence')
        and exists (select from camera c where c.id = camera_version.camera)));
alter table camera_version enable row level security;
create policy camera_group_member_seen_by on camera_group_member for select to khue_reader using (
    (select reads_everything()) or exists (select from camera c where c.id = camera_group_member.camera));
alter table camera_group_member enable row level security;
create policy camera_stream_seen_by on camera_stream for select to khue_reader using (
    (select reads_everything()) or exists (select from camera c where c.id = camera_stream.camera));
alter table camera_stream enable row level security;
create policy camera_stream_change_seen_by on camera_stream_change for select to khue_reader using (
    (select reads_everything()) or exists (select from camera c where c.id = camera_stream_change.camera));
alter table camera_stream_change enable row level security;
create policy consent_seen_by on consent for select to khue_reader using (
    (select reads_everything()) or exists (select from camera c where c.id = consent.camera));
alter table consent enable row level security;
create policy security_finding_seen_by on security_finding for select to khue_reader using (
    (select reads_everything()) or exists (select from camera c where c.id = security_finding.camera));
alter table security_finding enable row level security;
create policy life_transition_seen_by on life_transition for select to khue_reader using (
    (select reads_everything()) or exists (select from camera c where c.id = life_transition.camera));
alter table life_transition enable row level security;
create policy placement_seen_by on placement for select to khue_reader using (
    (select reads_everything()) or exists (select from camera c where c.id = placement.camera));
alter table placement enable row level security;
create policy legal_hold_seen_by on legal_hold for select to khue_reader using (
    (select reads_everything()) or exists (select from camera c where c.id = legal_hold.camera));
alter table legal_hold enable row level security;
create policy clip_seen_by on clip for select to khue_reader using (
    (select reads_everything()) or exists (select from camera c where c.id = clip.camera));
alter table clip enable row level security;
create policy coverage_span_seen_by on coverage_span for select to khue_reader using (
    (select reads_everything()) or exists (select from camera c where c.id = coverage_span.camera));
alter table coverage_span enable row level security;
create policy gap_seen_by on gap for select to khue_reader using (
    (select reads_everything()) or exists (select from camera c where c.id = gap.camera));
alter table gap enable row level security;
create policy transition_seen_by on transition for select to khue_reader using (
    (select reads_everything()) or exists (select from camera c where c.id = transition.camera));
alter table transition enable row level security;
create policy stream_status_seen_by on stream_status for select to khue_reader using (
    (select reads_everything()) or exists (select from camera c where c.id = stream_status.camera));
alter table stream_status enable row level security;
grant select on node_progress, stream_view, camera_seen, seen_rule, camera_now to khue_reader;

-- Read by whoever may audit: entries about no camera, and those whose every camera is in reach for that.
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
