-- How grants come to be and end: given within what the giver holds, taken along when revoked, and made by appointments.

-- Whether every camera the one is about, now or later, is one the other is about.
create function grant_within(inner_grant access_grant, outer_grant access_grant) returns boolean language sql stable as $$
    select (outer_grant.defence or not inner_grant.defence)
       and (outer_grant.units is null or coalesce(inner_grant.units <@ outer_grant.units, false))
       and (outer_grant.camera_purposes is null or coalesce(inner_grant.camera_purposes <@ outer_grant.camera_purposes, false))
       and (outer_grant.cameras is null or coalesce(inner_grant.cameras <@ outer_grant.cameras, false))
       and (outer_grant.groups is null or coalesce(inner_grant.groups @> outer_grant.groups, false))
       and (outer_grant.fleets is null
            or coalesce(inner_grant.fleets <@ with_agencies_below(outer_grant.fleets), false))
$$;

-- Nobody gives what they do not hold: a grant lies within the one it is derived from, which its giver holds and may hand on.
create function grant_given() returns trigger language plpgsql as $$
declare
    p access_grant;
begin
    if new.rights && array['live', 'playback', 'export', 'ptz', 'manage', 'onboard', 'approve'] and not 'see' = any (new.rights) then
        new.rights := new.rights || array['see'];
    end if;
    if new.parent is null then
        new.lineage := array[new.id];
        return new;
    end if;
    select * into p from access_grant g where g.id = new.parent for share;
    new.lineage := p.lineage || new.id;
    if p.revoked is not null or p.valid_from > now() or p.valid_to <= now() then
        raise exception 'grant_over: the grant it is derived from is not in force' using errcode = 'KH001';
    end if;
    if not exists (select from standing(new.given_by, now(), array[p.id])) then
        raise exception 'grant_not_held: whoever gives does not hold the grant it is derived from' using errcode = 'KH001';
    end if;
    if new.passes >= p.passes then
        raise exception 'grant_passes: it may be handed on % times, so what is derived from it fewer times than that', p.passes
            using errcode = 'KH001';
    end if;
    if not new.rights <@ p.rights then
        raise exception 'grant_rights: wider than the grant it is derived from: rights' using errcode = 'KH001';
    end if;
    if new.defence and not p.defence then
        raise exception 'grant_defence: the grant it is derived from does not reach defence' using errcode = 'KH001';
    end if;
    new.units := coalesce(new.units, p.units);
    new.camera_purposes := coalesce(new.camera_purposes, p.camera_purposes);
    new.cameras := coalesce(new.cameras, p.cameras);
    new.purposes := coalesce(new.purposes, p.purposes);
    new.weekdays := coalesce(new.weekdays, p.weekdays);
    if new.fleets is null then
        new.fleets := p.fleets;
    elsif p.fleets is not null and not new.fleets <@ with_agencies_below(p.fleets) then
        raise exception 'grant_fleets: wider than the grant it is derived from: fleets' using errcode = 'KH001';
    end if;
    if p.groups is not null then
        new.groups := array(select distinct x from unnest(p.groups || coalesce(new.groups, '{}')) x order by x);
    end if;
    if new.hours_from is null then
        new.hours_from := p.hours_from;
        new.hours_to := p.hours_to;
    elsif p.hours_from is not null and not (
        (new.hours_from = p.hours_from and new.hours_to = p.hours_to)
        or case when p.hours_from <= p.hours_to
               then new.hours_from <= new.hours_to and new.hours_from >= p.hours_from and new.hours_to <= p.hours_to
               else (new.hours_from <= new.hours_to and (new.hours_from >= p.hours_from or new.hours_to <= p.hours_to))
                    or (new.hours_from > new.hours_to and new.hours_from >= p.hours_from and new.hours_to <= p.hours_to)
           end) then
        raise exception 'grant_hours: wider than the grant it is derived from: hours' using errcode = 'KH001';
    end if;
    if not new.units <@ p.units or not new.camera_purposes <@ p.camera_purposes or not new.cameras <@ p.cameras then
        raise exception 'grant_cameras: wider than the grant it is derived from: cameras' using errcode = 'KH001';
    end if;
    if not new.purposes <@ p.purposes then
        raise exception 'grant_purposes: wider than the grant it is derived from: purposes' using errcode = 'KH001';
    end if;
    if not new.weekdays <@ p.weekdays then
        raise exception 'grant_hours: wider than the grant it is derived from: weekdays' using errcode = 'KH001';
    end if;
    new.valid_from := greatest(new.valid_from, p.valid_from);
    if new.valid_to is null then
        new.valid_to := p.valid_to;
    elsif new.valid_to > p.valid_to then
        raise exception 'grant_period: wider than the grant it is derived from: it ends at %', p.valid_to using errcode = 'KH001';
    end if;
    return new;
end
$$;
create trigger grant_is_given before insert on access_grant for each row execute function grant_given();

create function grant_revoked() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        raise exception 'grants are revoked, never deleted';
    end if;
    if to_jsonb(new) - '{revoked,revoked_by,revoked_reason,revoked_with}'::text[]
       <> to_jsonb(old) - '{revoked,revoked_by,revoked_reason,revoked_with}'::text[]
       or old.revoked is not null or new.revoked is null then
        raise exception 'a grant is never changed, only revoked, once; give another one';
    end if;
    return new;
end
$$;
create trigger grant_is_only_revoked before update or delete on access_grant for each row execute function grant_revoked();
create function grant_ended() returns trigger language plpgsql as $$
begin
    if new.revoked_with is null then
        update access_grant g
        set revoked = new.revoked, revoked_by = new.revoked_by, revoked_reason = new.revoked_reason, revoked_with = new.id
        where g.lineage @> array[new.id] and g.id <> new.id and g.revoked is null;
    end if;
    return null;
end
$$;
create trigger grant_takes_along after update on access_grant for each row execute function grant_ended();

-- What an account is appointed to (role, units, agencies, defence) is grants of its personal post, like everything else.
alter table account drop constraint account_role_check;
alter table account add constraint account_role_check
    check (role in ('administrator', 'operator', 'viewer', 'auditor', 'member'));
create function appoint(who account) returns void language plpgsql as $$
declare
    desk text := 'of-' || who.id;
    may text[] := case who.role
        when 'administrator' then array['see', 'live', 'playback', 'export', 'ptz', 'manage', 'onboard', 'approve', 'audit', 'administer']
        when 'operator' then array['see', 'live', 'playback', 'export', 'ptz', 'manage', 'onboard']
        when 'viewer' then array['see', 'live', 'playback']
        when 'auditor' then array['see', 'audit']
        else '{}'
    end;
    part text;
begin
    insert into post (id, account, kind, title) values (desk, who.id, who.role, who.display_name)
    on conflict (id) do update set kind = excluded.kind, title = excluded.title;
    insert into tenure (account, post, basis, given_by)
    select who.id, desk, 'account', 'account' where not exists (select from tenure t where t.post = desk);
    update access_grant g set revoked = now(), revoked_by = 'account', revoked_reason = 'appointed anew'
    where g.post = desk and g.origin = 'appointment' and g.revoked is null;
    if may = '{}' then
        return;
    end if;
    foreach part in array case
        when who.units = '{}' and who.agencies = '{}' then array['city']
        when who.units = '{}' then array['fleets'] when who.agencies = '{}' then array['units'] else array['units', 'fleets']
    end loop
        insert into access_grant (id, post, rights, units, fleets, defence, passes, origin, lineage, given_by, basis)
        values (replace(gen_random_uuid()::text, '-', ''), desk, may, case when part = 'units' then who.units end,
                case when part = 'fleets' then who.agencies end, who.defence,
                case when who.role = 'administrator' then 8 else 0 end, 'appointment', '{}', 'account', 'account');
    end loop;
end
$$;
create function account_appointed() returns trigger language plpgsql as $$
begin
    perform appoint(new);
    return null;
end
$$;
create trigger account_is_appointed after insert on account for each row execute function account_appointed();
create trigger account_is_appointed_anew after update on account for each row
    when ((old.role, old.units, old.agencies, old.defence) is distinct from (new.role, new.units, new.agencies, new.defence))
    execute function account_appointed();
select appoint(a) from account a;
