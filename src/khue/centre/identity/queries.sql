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

-- name: other_administrators
select count(*) from account where role = 'administrator' and not disabled and id <> $1

-- name: change_account
update account
set display_name = coalesce($2, display_name), role = coalesce($3, role), language = coalesce($4, language),
    disabled = coalesce($5, disabled), units = coalesce($6, units), agencies = coalesce($7, agencies),
    defence = coalesce($8, defence)
where id = $1
returning id, username, display_name, role, language, disabled, created, units, agencies, defence

-- name: enabled_account
select id, username, display_name, role, language, units, agencies, defence from account where id = $1 and not disabled

-- name: posts_of
select p.id, p.title, p.title_en, p.kind, a.name as agency_name, max(t.valid_to) filter (where not endless) as valid_to
from (select *, bool_or(valid_to is null) over (partition by post) as endless from tenure
      where account = $1 and valid_from <= now() and (valid_to is null or valid_to > now())) t
join post p on p.id = t.post join agency a on a.id = p.agency
where p.closed is null
group by p.id, a.name
order by a.name, p.title

-- name: set_password_hash
-- The same password in stronger form, if it was not changed meanwhile.
update account set password_hash = $3 where id = $1 and password_hash = $2

-- name: set_password
-- The earlier one is kept so that it is not taken again; no regulation looks further back than the longest history.
with was as (
    insert into password_history (account, password_hash) select id, password_hash from account where id = $1
), forgotten as (
    delete from password_history
    where account = $1 and replaced < (
        select replaced from password_history where account = $1 order by replaced desc offset 23 limit 1)
)
update account set password_hash = $2, password_changed = now() where id = $1

-- name: earlier_passwords
select password_hash from password_history where account = $1 order by replaced desc limit $2

-- name: password_settings
select settings -> 'passwords' from regulation_version where id = regulation_in_force(now())

-- name: standing_of_factors
-- $2 kinds of post and rights that need a second factor.
select now() - a.password_changed as password_age, now() - a.created as account_age,
       cardinality($2::text[]) > 0
       and exists (select from standing(a.id, now(), null) s where s.kind = any($2) or (s.holds).rights && $2) as needs_second,
       exists (select from totp where account = a.id and confirmed is not null)
       or exists (select from passkey where account = a.id) as has_second
from account a where a.id = $1

-- name: met
update session set must = array_remove(must, $2) where account = $1 and $2 = any(must)

-- name: add_session
with expired as (delete from session where expires < now()),
     forgotten as (delete from login_throttle where last_failure < now() - interval '1 day')
insert into session (token_hash, account, expires, address, id, agent, method, must) values ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: account_by_session
select a.id, a.username, a.display_name, a.role, a.language, a.units, a.agencies, a.defence,
       s.id as session, s.must, s.last_seen < now() - interval '1 minute' as stale
from session s join account a on a.id = s.account
where s.token_hash = $1 and s.expires > now() and s.last_seen > now() - $2::interval and not a.disabled

-- name: still_good
select s.id, s.last_seen < now() - interval '1 minute' as stale
from session s join account a on a.id = s.account
where s.id = any($1) and s.expires > now() and s.last_seen > now() - $2::interval and not a.disabled

-- name: touch_session
update session set last_seen = now() where id = $1

-- name: touch_sessions
update session set last_seen = now() where id = any($1)

-- name: list_sessions
select id, created, last_seen, expires, address, agent, method, must
from session where account = $1 and expires > now() and last_seen > now() - $2::interval
order by last_seen desc, id

-- name: end_session
with ended as (delete from session where token_hash = $1 returning id, account)
select e.id, e.account, a.username from ended e join account a on a.id = e.account

-- name: end_session_of
delete from session where account = $1 and id = $2 returning id

-- name: end_sessions_of
-- All of an account's sign-ins but the one given.
delete from session where account = $1 and id <> $2 returning id

-- name: grants_not_held
-- Of the grants $2, those that account $1 does not hold now, or that are not among $3.
select wanted as id from unnest($2::text[]) as wanted
where not exists (select from standing($1, now(), $3::text[]) s where (s.holds).id = wanted)

-- name: add_token
insert into api_token (id, account, name, token_hash, expires, grants) values ($1, $2, $3, $4, $5, $6)
returning id, name, created, expires, grants, last_used

-- name: list_tokens
select id, name, created, expires, grants, last_used from api_token where account = $1 order by created desc

-- name: drop_token
delete from api_token where id = $1 and account = $2 returning id

-- name: account_by_token
select a.id, a.username, a.display_name, a.role, a.language, a.units, a.agencies, a.defence, t.grants, t.id as token,
       coalesce(t.last_used < now() - interval '1 minute', true) as stale
from api_token t join account a on a.id = t.account
where t.token_hash = $1 and t.expires > now() and not a.disabled

-- name: touch_token
update api_token set last_used = now() where id = $1

-- name: count_attempt
-- Counted before the password is looked at, so that attempts side by side are all counted: whoever comes second waits for
-- the row and finds what the first left there. An hour of quiet forgives.
insert into login_throttle as t (key, failures, last_failure, blocked_until)
select key, 1, now(), now() from unnest($1::text[]) as key
on conflict (key) do update
set failures = case when t.last_failure < now() - interval '1 hour' then 1 else t.failures + 1 end, last_failure = now()
returning key, failures, greatest(extract(epoch from blocked_until - clock_timestamp()), 0)::float8 as wait

-- name: block
update login_throttle set blocked_until = clock_timestamp() + make_interval(secs => $2) where key = $1

-- name: forgive
-- The right person takes back the attempts of this sign-in; the strict key starts anew.
with strict as (delete from login_throttle where key = $1)
update login_throttle set failures = greatest(failures - $3, 0), blocked_until = now() where key = any($2)

-- name: factors_of
select exists (select from totp where account = $1 and confirmed is not null) as totp,
       (select count(*) from passkey where account = $1) as passkeys,
       (select count(*) from recovery_code where account = $1 and used is null) as recovery

-- name: totp
select secret, confirmed, last_step from totp where account = $1

-- name: begin_totp
-- Nothing when one is confirmed.
insert into totp as t (account, secret) values ($1, $2)
on conflict (account) do update set secret = excluded.secret, last_step = 0, created = now() where t.confirmed is null
returning account

-- name: confirm_totp
update totp set confirmed = now(), last_step = $2 where account = $1 and confirmed is null and secret = $3 returning account

-- name: use_totp
-- Of several who show the same code at once, one gets in.
update totp set last_step = $2 where account = $1 and confirmed is not null and last_step < $2 returning account

-- name: remove_totp
delete from totp where account = $1

-- name: add_recovery_codes
insert into recovery_code (account, code_hash) select $1, unnest($2::bytea[])

-- name: use_recovery_code
update recovery_code set used = now() where account = $1 and code_hash = $2 and used is null returning account

-- name: remove_recovery_codes
delete from recovery_code where account = $1

-- name: list_passkeys
select id, name, created, last_used from passkey where account = $1 order by created, id

-- name: passkeys_of
-- Those made for one name of the centre.
select credential, transports from passkey where account = $1 and rp_id = $2

-- name: add_passkey
insert into passkey (id, account, name, credential, public_key, sign_count, rp_id, transports)
values ($1, $2, $3, $4, $5, $6, $7, $8)
returning id, name, created, last_used

-- name: passkey_by_credential
select p.id as key, p.public_key, p.sign_count, a.id, a.username, a.display_name, a.role, a.language, a.units, a.agencies, a.defence
from passkey p join account a on a.id = p.account
where p.credential = $1 and p.rp_id = $2 and not a.disabled

-- name: use_passkey
-- Authenticators that do not count say 0 each time; one that counts goes up each time.
update passkey set sign_count = $2, last_used = now()
where id = $1 and (sign_count < $2 or (sign_count = 0 and $2 = 0))
returning id

-- name: remove_passkey
delete from passkey where account = $1 and id = $2 returning id

-- name: remove_passkeys
delete from passkey where account = $1

-- name: add_ticket
-- Nothing when the address has $7 of them open.
with expired as (delete from ticket where expires < now())
insert into ticket (token_hash, kind, account, address, challenge, expires)
select $1, $2, $3, $4, $5, now() + $6::interval
where (select count(*) from ticket where address = $4 and expires > now()) < $7
returning kind

-- name: ticket
select account, challenge, attempts from ticket where token_hash = $1 and kind = $2 and address = $3 and expires > now()

-- name: answer_ticket
-- Gives the challenge as it was before; whoever comes second waits for the row and finds none.
with was as (
    select token_hash, challenge from ticket
    where token_hash = $1 and kind = $2 and address = $3 and expires > now() for update
)
update ticket t set attempts = t.attempts + 1, challenge = case when $4 then null else t.challenge end
from was where t.token_hash = was.token_hash
returning t.account, was.challenge, t.attempts

-- name: take_ticket
delete from ticket where token_hash = $1 and kind = $2 and address = $3 and expires > now()
returning account, challenge, attempts

-- name: add_oidc_attempt
with ended as (delete from oidc_attempt where expires < now())
insert into oidc_attempt (state_hash, provider, browser_hash, nonce, verifier, return_to, expires, address)
select $1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7), $8
where (select count(*) from oidc_attempt where address = $8 and expires > now()) < $9
returning expires

-- name: take_oidc_attempt
delete from oidc_attempt where state_hash = $1
returning provider, browser_hash, nonce, verifier, return_to, expires < now() as ended

-- name: oidc_account
with used as (update oidc_link set last_used = now() where issuer = $1 and subject = $2 returning account)
select a.id, a.username, a.display_name, a.role, a.language, a.units, a.agencies, a.defence, a.disabled
from used u join account a on a.id = u.account

-- name: account_by_any_username
-- Disabled ones too, so that nobody is told to have them made anew.
select id, username, display_name, role, language, units, agencies, defence, disabled from account
where username = $1 for update

-- name: add_oidc_link
insert into oidc_link (issuer, subject, account) values ($1, $2, $3)

-- name: oidc_links
select issuer, subject, created, last_used from oidc_link where account = $1 order by issuer

-- name: drop_oidc_links
delete from oidc_link where account = $1 returning issuer
