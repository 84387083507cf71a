-- The registry: what cameras there are, whose, what for, where, on which line, and whether they are said to work.

create table unit (
    code text primary key check (code ~ '^\d{5}$'),  -- official; names differ in their tone marks
    name text not null,
    kind text not null check (kind in ('ward', 'commune')),
    latitude double precision not null,
    longitude double precision not null,
    area_km2 double precision not null
);
insert into unit (code, name, kind, latitude, longitude, area_km2) values
    ('00004', 'Phường Ba Đình', 'ward', 21.0386, 105.838, 2.97),
    ('00008', 'Phường Ngọc Hà', 'ward', 21.0381, 105.816, 2.68),
    ('00025', 'Phường Giảng Võ', 'ward', 21.0275, 105.814, 2.6),
    ('00070', 'Phường Hoàn Kiếm', 'ward', 21.032, 105.85, 1.91),
    ('00082', 'Phường Cửa Nam', 'ward', 21.0226, 105.851, 1.68),
    ('00091', 'Phường Phú Thượng', 'ward', 21.086, 105.802, 7.21),
    ('00097', 'Phường Hồng Hà', 'ward', 21.0567, 105.845, 15.09),
    ('00103', 'Phường Tây Hồ', 'ward', 21.058, 105.82, 10.72),
    ('00118', 'Phường Bồ Đề', 'ward', 21.0514, 105.87, 12.94),
    ('00127', 'Phường Việt Hưng', 'ward', 21.0648, 105.904, 12.91),
    ('00136', 'Phường Phúc Lợi', 'ward', 21.0422, 105.919, 10.41),
    ('00145', 'Phường Long Biên', 'ward', 21.0197, 105.896, 19.04),
    ('00160', 'Phường Nghĩa Đô', 'ward', 21.0451, 105.794, 4.34),
    ('00166', 'Phường Cầu Giấy', 'ward', 21.0309, 105.788, 3.74),
    ('00175', 'Phường Yên Hòa', 'ward', 21.0139, 105.796, 4.1),
    ('00190', 'Phường Ô Chợ Dừa', 'ward', 21.0243, 105.826, 1.83),
    ('00199', 'Phường Láng', 'ward', 21.0211, 105.806, 1.88),
    ('00226', 'Phường Văn Miếu - Quốc Tử Giám', 'ward', 21.0199, 105.837, 1.92),
    ('00229', 'Phường Kim Liên', 'ward', 21.0057, 105.832, 2.46),
    ('00235', 'Phường Đống Đa', 'ward', 21.0119, 105.822, 2.07),
    ('00256', 'Phường Hai Bà Trưng', 'ward', 21.0136, 105.852, 2.65),
    ('00283', 'Phường Vĩnh Tuy', 'ward', 20.998, 105.867, 2.33),
    ('00292', 'Phường Bạch Mai', 'ward', 21.0022, 105.852, 2.95),
    ('00301', 'Phường Vĩnh Hưng', 'ward', 20.9906, 105.883, 4.47),
    ('00316', 'Phường Định Công', 'ward', 20.9769, 105.825, 5.34),
    ('00322', 'Phường Tương Mai', 'ward', 20.9893, 105.854, 3.56),
    ('00328', 'Phường Lĩnh Nam', 'ward', 20.9656, 105.89, 10.86),
    ('00331', 'Phường Hoàng Mai', 'ward', 20.9746, 105.862, 9.04),
    ('00337', 'Phường Hoàng Liệt', 'ward', 20.9615, 105.832, 4.04),
    ('00340', 'Phường Yên Sở', 'ward', 20.9567, 105.857, 5.61),
    ('00352', 'Phường Phương Liệt', 'ward', 20.9926, 105.832, 3.2),
    ('00364', 'Phường Khương Đình', 'ward', 20.991, 105.815, 3.1),
    ('00367', 'Phường Thanh Xuân', 'ward', 20.9995, 105.805, 3.24),
    ('00376', 'Xã Sóc Sơn', 'commune', 21.2462, 105.85, 68.24),
    ('00382', 'Xã Kim Anh', 'commune', 21.2765, 105.763, 52.8),
    ('00385', 'Xã Trung Giã', 'commune', 21.3318, 105.831, 77.52),
    ('00430', 'Xã Đa Phúc', 'commune', 21.2506, 105.901, 55.32),
    ('00433', 'Xã Nội Bài', 'commune', 21.2303, 105.785, 51.64),
    ('00454', 'Xã Đông Anh', 'commune', 21.1101, 105.872, 48.68),
    ('00466', 'Xã Phúc Thịnh', 'commune', 21.1623, 105.815, 42.63),
    ('00475', 'Xã Thư Lâm', 'commune', 21.1648, 105.888, 43.84),
    ('00493', 'Xã Thiên Lộc', 'commune', 21.1204, 105.771, 27.96),
    ('00508', 'Xã Vĩnh Thanh', 'commune', 21.1079, 105.818, 22.52),
    ('00541', 'Xã Phù Đổng', 'commune', 21.0621, 105.949, 41.62),
    ('00562', 'Xã Thuận An', 'commune', 21.0303, 105.984, 29.67),
    ('00565', 'Xã Gia Lâm', 'commune', 21.002, 105.949, 25.72),
    ('00577', 'Xã Bát Tràng', 'commune', 20.9928, 105.917, 20.67),
    ('00592', 'Phường Từ Liêm', 'ward', 21.0204, 105.771, 10.18),
    ('00598', 'Phường Thượng Cát', 'ward', 21.0866, 105.75, 14.77),
    ('00602', 'Phường Đông Ngạc', 'ward', 21.075, 105.776, 8.85),
    ('00611', 'Phường Xuân Đỉnh', 'ward', 21.0645, 105.795, 5.46),
    ('00613', 'Phường Tây Tựu', 'ward', 21.0642, 105.739, 7.54),
    ('00619', 'Phường Phú Diễn', 'ward', 21.0489, 105.766, 6.29),
    ('00622', 'Phường Xuân Phương', 'ward', 21.0296, 105.745, 10.81),
    ('00634', 'Phường Tây Mỗ', 'ward', 21.0009, 105.747, 5.56),
    ('00637', 'Phường Đại Mỗ', 'ward', 20.9935, 105.775, 8.1),
    ('00640', 'Xã Thanh Trì', 'commune', 20.9388, 105.859, 10.15),
    ('00643', 'Phường Thanh Liệt', 'ward', 20.9645, 105.809, 6.44),
    ('00664', 'Xã Đại Thanh', 'commune', 20.937, 105.814, 18.92),
    ('00679', 'Xã Ngọc Hồi', 'commune', 20.9123, 105.837, 13.35),
    ('00685', 'Xã Nam Phù', 'commune', 20.9197, 105.884, 13.74),
    ('04930', 'Xã Yên Xuân', 'commune', 20.978, 105.47, 78.01),
    ('08974', 'Xã Quang Minh', 'commune', 21.1927, 105.751, 32.17),
    ('08980', 'Xã Yên Lãng', 'commune', 21.1721, 105.662, 44.81),
    ('08995', 'Xã Tiến Thắng', 'commune', 21.203, 105.692, 36.34),
    ('09022', 'Xã Mê Linh', 'commune', 21.151, 105.733, 34.97),
    ('09552', 'Phường Kiến Hưng', 'ward', 20.9549, 105.78, 6.65),
    ('09556', 'Phường Hà Đông', 'ward', 20.9734, 105.778, 9.0),
    ('09562', 'Phường Yên Nghĩa', 'ward', 20.9391, 105.736, 13.18),
    ('09568', 'Phường Phú Lương', 'ward', 20.9392, 105.767, 9.4),
    ('09574', 'Phường Sơn Tây', 'ward', 21.1441, 105.49, 23.08),
    ('09604', 'Phường Tùng Thiện', 'ward', 21.1212, 105.458, 32.34),
    ('09616', 'Xã Đoài Phương', 'commune', 21.0682, 105.486, 57.1),
    ('09619', 'Xã Quảng Oai', 'commune', 21.174, 105.427, 49.26),
    ('09634', 'Xã Cổ Đô', 'commune', 21.2688, 105.397, 53.25),
    ('09661', 'Xã Minh Châu', 'commune', 21.2114, 105.453, 10.36),
    ('09664', 'Xã Vật Lại', 'commune', 21.2174, 105.392, 51.75),
    ('09676', 'Xã Bất Bạt', 'commune', 21.1674, 105.332, 56.43),
    ('09694', 'Xã Suối Hai', 'commune', 21.12, 105.403, 51.56),
    ('09700', 'Xã Ba Vì', 'commune', 21.0581, 105.341, 81.27),
    ('09706', 'Xã Yên Bài', 'commune', 21.0536, 105.419, 68.19),
    ('09715', 'Xã Phúc Thọ', 'commune', 21.1124, 105.528, 39.66),
    ('09739', 'Xã Phúc Lộc', 'commune', 21.1467, 105.575, 41.15),
    ('09772', 'Xã Hát Môn', 'commune', 21.0897, 105.623, 37.67),
    ('09784', 'Xã Đan Phượng', 'commune', 21.0912, 105.666, 15.3),
    ('09787', 'Xã Liên Minh', 'commune', 21.1277, 105.646, 23.57),
    ('09817', 'Xã Ô Diên', 'commune', 21.1095, 105.704, 32.06),
    ('09832', 'Xã Hoài Đức', 'commune', 21.062, 105.705, 16.73),
    ('09856', 'Xã Dương Hòa', 'commune', 21.0489, 105.673, 17.41),
    ('09871', 'Xã Sơn Đồng', 'commune', 21.024, 105.705, 21.57),
    ('09877', 'Xã An Khánh', 'commune', 20.9876, 105.708, 28.69),
    ('09886', 'Phường Dương Nội', 'ward', 20.975, 105.749, 7.9),
    ('09895', 'Xã Quốc Oai', 'commune', 21.0114, 105.649, 24.0),
    ('09910', 'Xã Kiều Phú', 'commune', 20.975, 105.607, 34.53),
    ('09931', 'Xã Hưng Đạo', 'commune', 20.9673, 105.67, 24.9),
    ('09952', 'Xã Phú Cát', 'commune', 20.9461, 105.56, 51.21),
    ('09955', 'Xã Thạch Thất', 'commune', 21.0791, 105.559, 31.93),
    ('09982', 'Xã Hạ Bằng', 'commune', 21.0202, 105.561, 32.14),
    ('09988', 'Xã Hòa Lạc', 'commune', 21.0119, 105.514, 35.37),
    ('10003', 'Xã Tây Phương', 'commune', 21.0367, 105.611, 31.06),
    ('10015', 'Phường Chương Mỹ', 'ward', 20.9248, 105.699, 38.9),
    ('10030', 'Xã Phú Nghĩa', 'commune', 20.9182, 105.642, 40.25),
    ('10045', 'Xã Xuân Mai', 'commune', 20.8731, 105.593, 50.72),
    ('10072', 'Xã Quảng Bị', 'commune', 20.873, 105.703, 37.14),
    ('10081', 'Xã Trần Phú', 'commune', 20.8423, 105.65, 44.36),
    ('10096', 'Xã Hòa Phú', 'commune', 20.8239, 105.735, 29.87),
    ('10114', 'Xã Thanh Oai', 'commune', 20.8465, 105.767, 26.86),
    ('10126', 'Xã Bình Minh', 'commune', 20.904, 105.762, 29.86),
    ('10144', 'Xã Tam Hưng', 'commune', 20.8758, 105.798, 29.45),
    ('10180', 'Xã Dân Hòa', 'commune', 20.8094, 105.792, 38.43),
    ('10183', 'Xã Thường Tín', 'commune', 20.8769, 105.841, 28.29),
    ('10210', 'Xã Hồng Vân', 'commune', 20.8797, 105.888, 24.53),
    ('10231', 'Xã Thượng Phúc', 'commune', 20.8297, 105.856, 28.91),
    ('10237', 'Xã Chương Dương', 'commune', 20.8354, 105.901, 28.89),
    ('10273', 'Xã Phú Xuyên', 'commune', 20.7641, 105.917, 60.02),
    ('10279', 'Xã Phượng Dực', 'commune', 20.772, 105.837, 44.69),
    ('10330', 'Xã Chuyên Mỹ', 'commune', 20.7162, 105.884, 35.54),
    ('10342', 'Xã Đại Xuyên', 'commune', 20.7006, 105.949, 51.66),
    ('10354', 'Xã Vân Đình', 'commune', 20.7209, 105.789, 41.6),
    ('10369', 'Xã Ứng Thiên', 'commune', 20.7738, 105.759, 38.4),
    ('10402', 'Xã Ứng Hòa', 'commune', 20.6888, 105.848, 67.8),
    ('10417', 'Xã Hòa Xá', 'commune', 20.6673, 105.79, 40.42),
    ('10441', 'Xã Mỹ Đức', 'commune', 20.646, 105.692, 52.73),
    ('10459', 'Xã Phúc Sơn', 'commune', 20.7809, 105.681, 49.31),
    ('10465', 'Xã Hồng Sơn', 'commune', 20.7156, 105.706, 54.38),
    ('10489', 'Xã Hương Sơn', 'commune', 20.6192, 105.763, 69.11);

create table agency (
    id text primary key check (id ~ '^[a-z0-9][a-z0-9-]{0,63}$'),
    name text not null unique check (name <> ''),
    kind text not null check (kind in ('city', 'police', 'department', 'ward', 'commune', 'broadcaster', 'contractor', 'other')),
    parent text references agency,
    unit text references unit,
    search text not null,  -- name and id in lower case without marks
    created timestamptz not null default now()
);

-- The scheme counts purposes in groups; what it needs of each may be decided anew, from a date.
create table purpose (
    id text primary key,
    quota_group text not null check (quota_group in ('order', 'defence', 'state', 'broadcast'))
);
insert into purpose (id, quota_group) values
    ('security', 'order'), ('violation', 'order'), ('defence', 'defence'), ('traffic_safety', 'state'),
    ('traffic_infrastructure', 'state'), ('environment', 'state'), ('urban_order', 'state'), ('vov_traffic', 'broadcast');

create table quota (
    quota_group text not null,
    needed integer not null check (needed >= 0),
    valid_from date not null,
    decision text not null,
    primary key (quota_group, valid_from)
);
insert into quota (quota_group, needed, valid_from, decision) values
    ('order', 23736, '2025-01-17', '319/QĐ-UBND'), ('defence', 227, '2025-01-17', '319/QĐ-UBND'),
    ('state', 16247, '2025-01-17', '319/QĐ-UBND');

alter table camera
    add column number integer generated always as identity unique,  -- short, for maps and lists of the whole fleet
    add column code text unique check (code <> ''),  -- as painted on the pole or in the agency's own books
    add column family text not null default '',
    add column model text not null default '',
    add column kind text check (kind in ('ptz', 'fixed')),
    add column megapixels double precision check (megapixels > 0),
    add column serial text not null default '',
    add column mac macaddr,
    add column host text not null default '',  -- its address on the site's network
    add column address text not null default '',
    add column unit text references unit,
    add column mounting text check (mounting in ('pole', 'wall', 'gantry', 'building', 'traffic_light', 'other')),
    add column height_m double precision check (height_m between 0 and 200),
    add column bearing double precision check (bearing >= 0 and bearing < 360),  -- degrees from north, clockwise
    add column view_angle double precision check (view_angle > 0 and view_angle <= 360),
    add column range_m double precision check (range_m > 0 and range_m <= 20000),
    add column owner text references agency,
    add column manager text references agency,
    add column purpose text references purpose,
    add column link text check (link in ('private_fibre', 'leased', 'borrowed')),
    add column upload_kbps integer check (upload_kbps > 0),  -- what the line's owner lets us send
    add column quiet_from time,
    add column quiet_to time,
    add column life text not null default 'operating' check (life in (
        'proposed', 'approved', 'installed', 'accepted', 'operating', 'faulty', 'under_repair', 'suspended', 'removed')),
    add column life_since date not null default current_date,
    add column declared_working boolean,  -- null: nobody says
    add column installed_on date,
    add column contract text not null default '',
    add column supplier text not null default '',
    add column warranty_until date,
    add column disclosure text not null default 'area' check (disclosure in ('located', 'area', 'counted')),
    add column sign_present boolean,
    add column contact_point text not null default '',
    add column security text not null default 'unknown' check (security in ('unknown', 'fails', 'partial', 'meets')),
    add column note text not null default '',
    add column revision integer not null default 1,  -- grows with each change: an edit of an old one is refused
    add check ((quiet_from is null) = (quiet_to is null)),
    -- What enforces and defends is counted, never located.
    add check (purpose is distinct from 'defence' or disclosure = 'counted');
create index camera_by_unit on camera (unit) where deleted is null;
create index camera_by_owner on camera (owner) where deleted is null;
create index camera_by_manager on camera (manager) where deleted is null;
create index camera_by_place on camera (latitude, longitude) where deleted is null;
create unique index camera_by_mac on camera (mac) where deleted is null;
create index camera_by_serial on camera (lower(serial)) where deleted is null and serial <> '';

-- What a camera was, from when to when. Written by the database itself, whoever changes the row; never changed but to end.
create table camera_version (
    id bigint generated always as identity primary key,
    camera text not null,  -- no reference: only the triggers below write it, and checking it again is half their cost
    facts jsonb not null,  -- the row, without what is sealed and what is null
    valid_from timestamptz not null,  -- when it became true in the street, as far as anybody said
    valid_to timestamptz not null default 'infinity',
    recorded timestamptz not null default clock_timestamp(),  -- when somebody told us
    actor text not null check (actor <> ''),
    reason text not null default '',
    source text not null default '',  -- 'import ID', 'bulk edit ID', ...
    check (valid_from <= valid_to)
);
create index camera_version_by_camera on camera_version (camera, valid_from);
create unique index camera_version_now on camera_version (camera) where valid_to = 'infinity';

-- Settings of the transaction: khue.actor (required), khue.reason, khue.source, khue.effective.
create function camera_facts(c camera) returns jsonb language sql stable as $$
    select jsonb_strip_nulls(to_jsonb(c)) - '{credentials,search,revision}'::text[]
$$;
create function change_actor() returns text language plpgsql stable as $$
begin
    if coalesce(current_setting('khue.actor', true), '') = '' then
        raise exception 'a change of the registry needs somebody who makes it (khue.actor)';
    end if;
    return current_setting('khue.actor');
end
$$;
create function change_effective() returns timestamptz language sql stable as $$
    select least(coalesce(nullif(current_setting('khue.effective', true), '')::timestamptz, now()), now())
$$;
create function camera_added() returns trigger language plpgsql as $$
declare
    who text := change_actor();
    since timestamptz := change_effective();
    why text := coalesce(current_setting('khue.reason', true), '');
    origin text := coalesce(current_setting('khue.source', true), '');
begin
    -- A camera that is registered late was there since it was installed.
    insert into camera_version (camera, facts, valid_from, actor, reason, source)
    select n.id, camera_facts(n), least(since, n.installed_on::timestamptz), who, why, origin from new_rows n;
    return null;
end
$$;
create function camera_changed() returns trigger language plpgsql as $$
declare
    who text := change_actor();
    since timestamptz := change_effective();
    why text := coalesce(current_setting('khue.reason', true), '');
    origin text := coalesce(current_setting('khue.source', true), '');
begin
    -- Compared with the version in force, so that what is sealed or only searched in makes no new one.
    with changed as materialized (
        select n.id, camera_facts(n) as facts from new_rows n join old_rows o on o.id = n.id where n.revision <> o.revision
    ), ended as (
        update camera_version v set valid_to = greatest(since, v.valid_from)
        from changed c where v.camera = c.id and v.valid_to = 'infinity' and v.facts <> c.facts
        returning v.camera, v.valid_to, c.facts
    )
    insert into camera_version (camera, facts, valid_from, actor, reason, source)
    select e.camera, e.facts, e.valid_to, who, why, origin from ended e;
    return null;
end
$$;
create trigger camera_is_added after insert on camera referencing new table as new_rows
    for each statement execute function camera_added();
create trigger camera_is_changed after update on camera referencing old table as old_rows new table as new_rows
    for each statement execute function camera_changed();

create function camera_revised() returns trigger language plpgsql as $$
begin
    new.revision = old.revision + 1;
    return new;
end
$$;
create trigger camera_is_revised before update on camera for each row when (old.* is distinct from new.*)
    execute function camera_revised();

-- Where a camera's pictures came from over time, without what is sealed. Written by the database itself.
create table camera_stream_change (
    id bigint generated always as identity primary key,
    camera text not null,
    stream text not null,
    before jsonb,  -- null: there was none
    after jsonb,
    actor text not null check (actor <> ''),
    reason text not null default '',
    source text not null default '',
    recorded timestamptz not null default clock_timestamp()
);
create index camera_stream_change_by_camera on camera_stream_change (camera, id);
create trigger camera_stream_change_is_append_only before update or delete or truncate on camera_stream_change
    for each statement execute function refuse_change();
create function camera_stream_facts(s camera_stream) returns jsonb language sql immutable as $$
    select jsonb_build_object('url', s.shown_url, 'transport', s.transport, 'record', s.record)
$$;
create function camera_stream_changed() returns trigger language plpgsql as $$
declare
    who text := change_actor();
    why text := coalesce(current_setting('khue.reason', true), '');
    origin text := coalesce(current_setting('khue.source', true), '');
begin
    if tg_op = 'INSERT' then
        insert into camera_stream_change (camera, stream, after, actor, reason, source)
        select n.camera, n.name, camera_stream_facts(n), who, why, origin from new_rows n;
    elsif tg_op = 'DELETE' then
        insert into camera_stream_change (camera, stream, before, actor, reason, source)
        select o.camera, o.name, camera_stream_facts(o), who, why, origin from old_rows o;
    else
        insert into camera_stream_change (camera, stream, before, after, actor, reason, source)
        select n.camera, n.name, camera_stream_facts(o), camera_stream_facts(n), who, why, origin
        from new_rows n join old_rows o on o.camera = n.camera and o.name = n.name
        where camera_stream_facts(o) <> camera_stream_facts(n);
    end if;
    return null;
end
$$;
create trigger camera_stream_is_added after insert on camera_stream referencing new table as new_rows
    for each statement execute function camera_stream_changed();
create trigger camera_stream_is_changed after update on camera_stream referencing old table as old_rows new table as new_rows
    for each statement execute function camera_stream_changed();
create trigger camera_stream_is_dropped after delete on camera_stream referencing old table as old_rows
    for each statement execute function camera_stream_changed();

-- Steps a camera's life may take, and the steps it took. A transition is dated by when it happened, not when it was typed in.
create table life_step (
    before text not null,
    after text not null,
    primary key (before, after)
);
insert into life_step (before, after) values
    ('proposed', 'approved'), ('proposed', 'removed'), ('approved', 'installed'), ('approved', 'removed'),
    ('installed', 'accepted'), ('installed', 'faulty'), ('installed', 'removed'), ('accepted', 'operating'), ('accepted', 'faulty'),
    ('accepted', 'removed'), ('operating', 'faulty'), ('operating', 'under_repair'), ('operating', 'suspended'),
    ('operating', 'removed'), ('faulty', 'under_repair'), ('faulty', 'operating'), ('faulty', 'suspended'), ('faulty', 'removed'),
    ('under_repair', 'operating'), ('under_repair', 'faulty'), ('under_repair', 'suspended'), ('under_repair', 'removed'),
    ('suspended', 'operating'), ('suspended', 'faulty'), ('suspended', 'removed'), ('removed', 'proposed');

create table life_transition (
    id bigint generated always as identity primary key,
    camera text not null references camera,
    happened date not null,
    before text not null,
    after text not null,
    reason text not null check (reason <> ''),
    actor text not null check (actor <> ''),
    recorded timestamptz not null default clock_timestamp(),
    foreign key (before, after) references life_step
);
create index life_transition_by_camera on life_transition (camera, id);
create trigger life_transition_is_append_only before update or delete or truncate on life_transition
    for each statement execute function refuse_change();

-- A resident's word that the camera may use the resident's line. Ended, never deleted while the camera is in the books.
create table consent (
    id text primary key,
    camera text not null references camera,
    contact bytea not null,  -- AES-256-GCM: name, telephone, address of a private person
    document text not null default '',
    given_on date not null,
    expires_on date check (expires_on > given_on),
    withdrawn_on date check (withdrawn_on >= given_on),
    upload_kbps integer check (upload_kbps > 0),
    quiet_from time,
    quiet_to time,
    recorded timestamptz not null default clock_timestamp(),
    recorded_by text not null,
    withdrawn_reason text not null default '',
    withdrawn_by text not null default '',
    withdrawn_at timestamptz,
    check ((quiet_from is null) = (quiet_to is null))
);
create unique index consent_in_force on consent (camera) where withdrawn_on is null;

-- QCVN 11:2026/BCA, per camera: what was found about each of its eleven groups, when, by whom, on what evidence. The newest counts.
create table security_finding (
    id bigint generated always as identity primary key,
    camera text not null references camera,
    topic text not null check (topic in (
        'passwords', 'vulnerability_disclosure', 'signed_updates', 'protected_keys',
        'encrypted_channels', 'unused_interfaces_off', 'input_validation', 'failure_recovery', 'user_data_deletion',
        'storage_in_vietnam', 'protected_logs')),
    result text not null check (result in ('pass', 'fail', 'not_applicable', 'unknown')),
    evidence text not null default '',
    checked_on date not null,
    actor text not null check (actor <> ''),
    recorded timestamptz not null default clock_timestamp()
);
create index security_finding_by_camera on security_finding (camera, topic, checked_on desc, id desc);
create trigger security_finding_is_append_only before update or delete or truncate on security_finding
    for each statement execute function refuse_change();

-- What we saw ourselves: whether it gave pictures, when last, and how we know. A row per camera, written when it changes.
create table camera_seen (
    camera text primary key,  -- no reference: one unknown id must not reject a batch
    working boolean not null,
    since timestamptz not null,  -- of this state
    checked timestamptz not null,
    how text not null check (how in ('recording', 'probe')),
    detail text not null default ''
) with (fillfactor = 70);

-- One change of many cameras, what it wrote to each, and what stood there before: so it can be undone.
create table bulk_edit (
    id text primary key,
    account text not null references account,
    actor text not null check (actor <> ''),
    reason text not null check (reason <> ''),
    query jsonb not null,
    changes jsonb not null,
    changed integer not null,
    applied timestamptz not null default now(),
    undone timestamptz,
    undone_by text
);
create index bulk_edit_by_time on bulk_edit (applied desc, id);
create table bulk_edit_row (
    edit text not null references bulk_edit,
    camera text not null,
    before jsonb not null,  -- of the fields that changed
    after jsonb not null,
    primary key (edit, camera)
);

create table saved_filter (
    id text primary key,
    account text not null references account on delete cascade,
    name text not null check (name <> ''),
    query jsonb not null,
    shared boolean not null default false,
    created timestamptz not null default now(),
    unique (account, name)
);

-- Finding words anywhere in a name needs trigrams. In front of row security PostgreSQL uses an index only for operators
-- that are known to give nothing away; LIKE can fail for its pattern alone, which is the asker's own, so it is one.
create extension if not exists pg_trgm;
create index camera_by_search on camera using gin (search gin_trgm_ops) where deleted is null;
do $$
begin
    alter function pg_catalog.textlike(text, text) leakproof;
exception when insufficient_privilege then
    raise notice 'searching is slower: let a superuser run "alter function pg_catalog.textlike(text, text) leakproof"';
end
$$;

-- Who may see what. Everything that is read for a person is read in this role, with the settings khue.whole_city,
-- khue.units, khue.agencies and khue.defence of the account; without them it sees nothing. The centre itself, which places
-- and records cameras, owns the tables and sees them all.
alter table account
    add column units text[] not null default '{}',  -- both empty: the whole city
    add column agencies text[] not null default '{}',
    add column defence boolean not null default false;
update account set defence = true
where id = (select id from account where role = 'administrator' and not disabled order by created, id limit 1);

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
    camera_stream_change, camera_seen, consent, security_finding, life_transition, stream_status, stream_progress, stream_view,
    transition, coverage_span, gap, legal_hold, clip, access_log
to khue_reader;
alter view stream_view set (security_invoker = true);

-- A setting is read once per statement, not once per row, because it stands in a query of its own.
create function reads_everything() returns boolean language sql stable as $$
    select current_setting('khue.whole_city', true) is not distinct from 'yes'
       and current_setting('khue.defence', true) is not distinct from 'yes'
$$;
create policy camera_seen_by on camera for select to khue_reader using (
    (purpose is distinct from 'defence' or (select current_setting('khue.defence', true)) = 'yes')
    and ((select current_setting('khue.whole_city', true)) = 'yes'
         or unit = any ((select string_to_array(current_setting('khue.units', true), ','))::text[])
         or owner = any ((select string_to_array(current_setting('khue.agencies', true), ','))::text[])
         or manager = any ((select string_to_array(current_setting('khue.agencies', true), ','))::text[])));
alter table camera enable row level security;
-- What a camera was is seen by whoever sees the camera, and not while it was one of defence.
create policy camera_version_seen_by on camera_version for select to khue_reader using (
    (select reads_everything())
    or (((select current_setting('khue.defence', true)) = 'yes' or facts ->> 'purpose' is distinct from 'defence')
        and exists (select from camera c where c.id = camera_version.camera)));
alter table camera_version enable row level security;
create policy camera_stream_seen_by on camera_stream for select to khue_reader using (
    (select reads_everything()) or exists (select from camera c where c.id = camera_stream.camera));
alter table camera_stream enable row level security;
create policy camera_stream_change_seen_by on camera_stream_change for select to khue_reader using (
    (select reads_everything()) or exists (select from camera c where c.id = camera_stream_change.camera));
alter table camera_stream_change enable row level security;
create policy camera_seen_seen_by on camera_seen for select to khue_reader using (
    (select reads_everything()) or exists (select from camera c where c.id = camera_seen.camera));
alter table camera_seen enable row level security;
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
create policy stream_progress_seen_by on stream_progress for select to khue_reader using (
    (select reads_everything()) or exists (select from camera c where c.id = stream_progress.camera));
alter table stream_progress enable row level security;
create policy access_log_seen_by on access_log for select to khue_reader using (
    (select reads_everything()) or camera = '' or exists (select from camera c where c.id = access_log.camera));
alter table access_log enable row level security;
