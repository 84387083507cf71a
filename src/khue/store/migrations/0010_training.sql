-- What the regulation in force says of cameras of a purpose, for those to come; and what people did in exercises.

alter table purpose
    add column retention_class text references retention_class,
    add column disclosure text check (disclosure in ('located', 'area', 'counted'));

-- A new camera of which nobody says otherwise is kept and disclosed as its purpose is.
create function camera_is_regulated() returns trigger language plpgsql as $$
declare
    said purpose;
begin
    select * into said from purpose p where p.id = new.purpose;
    new.retention_class := coalesce(new.retention_class, said.retention_class, 'default');
    new.disclosure := coalesce(new.disclosure, said.disclosure, 'area');
    return new;
end
$$;
create trigger camera_takes_from_its_purpose before insert on camera
    for each row when (new.retention_class is null or new.disclosure is null) execute function camera_is_regulated();

-- An exercise one person began. What they did since is in the audit.
create table training_result (
    account text not null references account on delete cascade,
    exercise text not null check (exercise ~ '^[a-z0-9][a-z0-9-]{0,63}$'),
    started timestamptz not null default now(),
    since bigint not null,  -- entries of the audit there were when it began
    answers jsonb not null default '{}',  -- by number of the step
    passed timestamptz,
    primary key (account, exercise)
);
