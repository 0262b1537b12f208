select distinct
    {{ surrogate_key(['city', 'state', 'zip', 'lat', 'lon']) }} as location_key,
    city,
    state,
    zip,
    lat as latitude,
    lon as longitude
from {{ source('lake', 'listen_events') }}
