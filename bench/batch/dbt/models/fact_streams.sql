select
    u.user_key,
    coalesce(a.artist_key, {{ surrogate_key(['null']) }}) as artist_key,
    coalesce(s.song_key, {{ surrogate_key(['null']) }}) as song_key,
    t.date_key,
    l.location_key,
    p.ts,
    p.sessionId as session_id,
    p.itemInSession as item_in_session,
    p.duration
from {{ source('lake', 'listen_events') }} p
left join {{ ref('dim_users') }} u
    on coalesce(p.userId, -1) = coalesce(u.user_id, -1) and p.ts >= u.valid_from and p.ts < u.valid_to
left join {{ ref('dim_artists') }} a on p.artist = a.artist_name
left join {{ ref('dim_songs') }} s on p.artist = s.artist_name and p.song = s.title and p.duration = s.duration
left join {{ ref('dim_location') }} l
    on p.city = l.city and p.state = l.state and p.zip = l.zip and p.lat = l.latitude and p.lon = l.longitude
left join {{ ref('dim_datetime') }} t on date_trunc('hour', p.ts::timestamp) = t.hour_start
