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
