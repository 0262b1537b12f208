with hours as (
    select unnest(generate_series(timestamp '2018-10-01', timestamp '2030-01-01', interval 1 hour)) as hour_start
)

select
    epoch(hour_start)::bigint as date_key,
    hour_start,
    hour(hour_start) as hour_of_day,
    day(hour_start) as day_of_month,
    week(hour_start) as week_of_year,
    month(hour_start) as month_of_year,
    year(hour_start) as year_number,
    isodow(hour_start) >= 6 as is_weekend
from hours
