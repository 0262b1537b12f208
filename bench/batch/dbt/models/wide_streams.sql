{{ config(materialized = 'view') }}

select
    f.*,
    u.first_name,
    u.last_name,
    u.gender,
    u.level,
    s.title,
    a.artist_name,
    l.city,
    l.state,
    t.hour_start
from {{ ref('fact_streams') }} f
join {{ ref('dim_users') }} u on f.user_key = u.user_key
join {{ ref('dim_songs') }} s on f.song_key = s.song_key
join {{ ref('dim_artists') }} a on f.artist_key = a.artist_key
join {{ ref('dim_location') }} l on f.location_key = l.location_key
join {{ ref('dim_datetime') }} t on f.date_key = t.date_key
