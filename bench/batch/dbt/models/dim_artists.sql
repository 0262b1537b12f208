with spelled as (
    select
        artist_name,
        max(artist_id) as artist_id,
        max(artist_latitude) as latitude,
        max(artist_longitude) as longitude,
        max(artist_location) as location
    from {{ source('lake', 'catalog') }}
    group by artist_name
)

select {{ surrogate_key(['artist_id', 'artist_name']) }} as artist_key, artist_id, artist_name, latitude, longitude, location
from spelled
union all
select {{ surrogate_key(['null']) }}, null, 'unknown', null, null, null
