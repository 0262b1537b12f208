select
    {{ surrogate_key(['song_id']) }} as song_key,
    song_id,
    title,
    artist_id,
    artist_name,
    duration,
    "key" as song_key_signature,
    key_confidence,
    loudness,
    song_hotttnesss,
    tempo,
    "year"
from {{ source('lake', 'catalog') }}
qualify row_number() over (partition by artist_name, title, duration order by song_id) = 1
union all
select {{ surrogate_key(['null']) }}, null, 'unknown', null, 'unknown', null, null, null, null, null, null, null
