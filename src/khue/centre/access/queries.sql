-- name: write_log
-- Columns in the order of Entry.
insert into access_log (account, username, action, address, outcome, camera, stream, period_start, period_end, purpose, detail)
select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                     $8::timestamptz[], $9::timestamptz[], $10::text[], $11::text[])

-- name: read_log
-- Newest first; $1 camera or '', $2 account or '', $3 before this id or null, $4 limit.
select id, at, account, username, action, camera, stream, period_start, period_end, purpose, address, outcome, detail
from access_log
where ($1 = '' or camera = $1) and ($2 = '' or account = $2) and ($3::bigint is null or id < $3)
order by id desc
limit $4

-- name: any_account
select exists (select from account)

-- name: lock_first_run
-- Replicas that start together make one administrator.
select pg_advisory_xact_lock(1802002277)

-- name: add_account
insert into account (id, username, display_name, role, language, password_hash, units, agencies, defence)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: list_accounts
select id, username, display_name, role, language, disabled, created, units, agencies, defence from account order by username

-- name: account_by_username
select id, username, display_name, role, language, password_hash, units, agencies, defence
from account where username = $1 and not disabled

-- name: account_by_id
select id, username, display_name, role, language, disabled, created, password_hash, units, agencies, defence
from account where id = $1

-- name: lock_account
select id, username, display_name, role, language, units, agencies, defence from account where id = $1 for update

-- name: unknown_scope
-- Units and agencies that do not exist.
select u.id from unnest($1::text[]) as u (id) where not exists (select from unit where code = u.id)
union all
select a.id from unnest($2::text[]) as a (id) where not exists (select from agency where agency.id = a.id)

-- name: first_administrator
select id, username, display_name, role, language, units, agencies, defence
from account where role = 'administrator' and not disabled order by created, id limit 1

-- name: change_account
update account
set display_name = coalesce($2, display_name), role = coalesce($3, role), language = coalesce($4, language),
    disabled = coalesce($5, disabled), password_hash = coalesce($6, password_hash), units = coalesce($7, units),
    agencies = coalesce($8, agencies), defence = coalesce($9, defence)
where id = $1
returning id, username, display_name, role, language, disabled, created, units, agencies, defence

-- name: other_administrators
select count(*) from account where role = 'administrator' and not disabled and id <> $1

-- name: set_password_hash
update account set password_hash = $2 where id = $1

-- name: add_session
with expired as (delete from session where expires < now()),
     forgotten as (delete from login_throttle where last_failure < now() - interval '1 day')
insert into session (token_hash, account, expires, address) values ($1, $2, $3, $4)

-- name: account_by_session
select a.id, a.username, a.display_name, a.role, a.language, a.units, a.agencies, a.defence
from session s join account a on a.id = s.account
where s.token_hash = $1 and s.expires > now() and not a.disabled

-- name: end_session
delete from session where token_hash = $1

-- name: end_sessions_of
-- All of an account's sign-ins but the one given.
delete from session where account = $1 and token_hash <> $2

-- name: add_token
insert into api_token (id, account, name, token_hash, expires) values ($1, $2, $3, $4, $5) returning created

-- name: list_tokens
select id, name, created, expires from api_token where account = $1 order by created desc

-- name: drop_token
delete from api_token where id = $1 and account = $2 returning id

-- name: account_by_token
select a.id, a.username, a.display_name, a.role, a.language, a.units, a.agencies, a.defence
from api_token t join account a on a.id = t.account
where t.token_hash = $1 and t.expires > now() and not a.disabled

-- name: blocked_until
select max(blocked_until) as until, now() as now from login_throttle where key = any($1)

-- name: count_attempt
-- Counted before the password is looked at, so that attempts side by side are all counted. An hour of quiet forgives.
insert into login_throttle as t (key, failures, last_failure, blocked_until)
select key, 1, now(), now() from unnest($1::text[]) as key
on conflict (key) do update
set failures = case when t.last_failure < now() - interval '1 hour' then 1 else t.failures + 1 end, last_failure = now()
returning key, failures

-- name: block
update login_throttle set blocked_until = now() + make_interval(secs => $2) where key = $1

-- name: forgive
-- A right password takes back its own count; the strict key starts anew.
with strict as (delete from login_throttle where key = $1)
update login_throttle set failures = greatest(failures - 1, 0), blocked_until = now() where key = any($2)

-- name: become
-- Everything the policies read, and last the role they bind. $1 units, $2 agencies (with those below them), $3, $4 yes or no.
with recursive below (id) as (
    select id from agency where id = any($2::text[])
    union select a.id from agency a join below b on a.parent = b.id
)
select set_config('khue.units', array_to_string($1::text[], ','), true),
       set_config('khue.agencies', coalesce((select string_agg(id, ',') from below), ''), true),
       set_config('khue.whole_city', $3, true), set_config('khue.defence', $4, true),
       set_config('role', 'khue_reader', true)

-- name: return
select set_config('role', 'none', true)

-- name: seen
select id from camera where id = any($1)
