-- Versions of users (SCD type 2): runs of equal level, by window functions over all plays.
with shown as (
    select
        userId as user_id,
        firstName as first_name,
        lastName as last_name,
        gender,
        registration as registered_at,
        level,
        ts,
        lag(level) over (partition by userId, firstName, lastName, gender order by ts) as level_before
    from {{ source('lake', 'listen_events') }}
    where userId is not null
),

numbered as (
    select
        *,
        sum(case when level_before is distinct from level then 1 else 0 end)
            over (partition by user_id, first_name, last_name, gender order by ts rows unbounded preceding) as run
    from shown
),

runs as (
    select user_id, first_name, last_name, gender, registered_at, level, run, min(ts) as valid_from
    from numbered
    group by all
),

versions as (
    select
        * exclude (run),
        coalesce(
            lead(valid_from) over (partition by user_id, first_name, last_name, gender order by valid_from),
            timestamptz '9999-12-31'
        ) as valid_to
    from runs
)

select
    {{ surrogate_key(['user_id', 'valid_from', 'level']) }} as user_key,
    *,
    valid_to = timestamptz '9999-12-31' as is_current
from versions
union all
select {{ surrogate_key(['null']) }}, null, null, null, null, null, null, timestamptz '2000-01-01', timestamptz '9999-12-31', true
