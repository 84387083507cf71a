-- name: results_of
select exercise, started, since, answers::text as answers, passed from training_result where account = $1

-- name: begin
-- Anew from here; what was passed once stays passed.
insert into training_result as r (account, exercise, since) values ($1, $2, (select size from audit_tree))
on conflict (account, exercise) do update set started = now(), since = excluded.since, answers = '{}'

-- name: answer
update training_result set answers = answers || $3::text::jsonb where account = $1 and exercise = $2

-- name: pass
update training_result set passed = coalesce(passed, now()) where account = $1 and exercise = $2

-- name: all_results
select r.account, a.username, a.display_name, r.exercise, r.started, r.passed
from training_result r join account a on a.id = r.account
order by a.username, r.exercise

-- name: did
-- $1 account, $2 from this entry on, $3 outcome, $4 actions or null, $5 purposes or null, $6 to $9 whether it names a case, a
-- reason, a clause, a camera, $10 its period begins before, or null.
select exists (
    select from audit_entry e
    where e.account = $1 and e.seq >= $2 and e.outcome = $3 and ($4::text[] is null or e.action = any ($4))
      and ($5::text[] is null or e.purpose = any ($5)) and (not $6 or e.case_number <> '') and (not $7 or e.reason <> '')
      and (not $8 or e.clause <> '') and (not $9 or e.camera <> '')
      and ($10::timestamptz is null or e.period_start < $10))

-- name: asked
-- $1 account, $2 since, $3 kind, $4 whether it names a case, $5 whether the owner is another agency than one's own.
select exists (
    select from access_request r
    where r.account = $1 and r.created >= $2 and r.kind = $3 and r.state <> 'withdrawn' and (not $4 or r.case_number <> '')
      and (not $5 or (r.owner is not null and r.owner is distinct from r.agency)))

-- name: broke
-- How far an emergency the account $1 declared since $2 came: opened, confirmed, ended, reviewed.
select coalesce(max(case
    when reviewed is not null then 4 when ended is not null then 3 when confirmed is not null then 2 else 1 end), 0)
from emergency where account = $1 and created >= $2

-- name: refusal_clause
select exists (
    select from audit_entry where account = $1 and seq >= $2 and outcome = 'refused' and clause <> '' and clause = $3)

-- name: watcher
-- Whether $3 watched a camera that the account asked the log about since.
select exists (
    select from audit_entry asked
    join audit_entry w on w.camera = asked.camera and w.outcome = 'allowed' and lower(w.username) = lower($3)
    where asked.account = $1 and asked.seq >= $2 and asked.outcome = 'allowed' and asked.action in ('log:read', 'audit:read')
      and asked.camera <> '' and w.action in ('camera:live', 'camera:playback', 'camera:snapshot', 'clip:download'))
