const words = (text: string): ReadonlyArray<string> => text.split(/\s+/)

export const adjectives =
  words(`Midnight Golden Broken Silent Electric Crimson Hollow Wild Lonely Burning Velvet Distant
Paper Frozen Neon Crooked Tender Restless Sacred Bitter Lucky Faded Blue Silver Phantom Savage Gentle Holy Drifting
Emerald Secret Rusty Lost Little Endless Scarlet Dusty Wicked Weeping Northern Southern Second Last Plastic Magnetic
Invisible Borrowed Painted Honest Quiet Reckless Cosmic Concrete Hungry Sleeping Barefoot Violet Ancient Modern Fragile
Radiant Hidden Wandering Foolish Perfect`)

export const nouns =
  words(`River Heart Highway Moon Shadow Mirror Garden Fire Ocean Stranger Window Lantern Thunder
Ghost Engine Summer Winter Diamond Letter Whisper Horizon Machine Train Mountain Dream Season Bridge Harbor Kingdom
Feather Hurricane Compass Sparrow Wolf Tiger Rose Bullet Candle Railroad Satellite Orchard Carousel Cathedral Anchor
Avalanche Arrow Island Telephone Balloon Doorway Echo Empire Firefly Forest Headlight Honey Jungle Lullaby Meadow Needle
Parade Pilgrim Promise Rainbow Rooftop Sailor Signal Skyline Snowflake Staircase Suitcase Sunrise Tornado Valley
Waterfall Wheel Zipper`)

export const verbs =
  words(`Chase Follow Break Carry Forget Remember Burn Hold Leave Find Lose Turn Call Save Catch Paint
Steal Cross Believe Dance Touch Feed Watch Need Build Wake Shake Drown Fix Bury Trust Kiss Wait Outrun Tame`)

export const givenNames =
  words(`Maria Johnny Rosalie Otis Clementine Levi Josephine Ray Delilah Hank Ruby Elvin Iris
Caleb Nina Django Marguerite Solomon Esperanza Willie Astrid Leon Camille Theo Beatriz Milo Odessa Rafael Simone Arlo
Françoise Jürgen Søren Zoé Ángela Thaïs Renée Björn Consuelo Tomás Nikola Yusuf Amara Kenji Ingrid Mavis Percy Loretta
Cedric Viola`)

export const artistNouns =
  words(`Ramblers Parker Monroe Valentine Sinclair Delgado Hawthorne Bishop Carmichael Okoye
Lindqvist Beaumont Tanaka Moreau Castellano Winterbourne Redding Mercer Fontaine Abernathy Blackwood Calloway Drummond
Easton Fairweather Gallagher Holloway Iverson Jericho Kingsley Lafayette McCoy Nightingale Osborne Prescott Quill Ravens
Santoro Thibodeaux Underhill Vega Whitlock Yates Zamora Foxglove Pilots Coyote Magpie Comet Static Marauder Dahlia
Cobalt Prophet Panther Wanderer Saint Mariachi Cartel Orchestra Collective Republic Union Rebel Drifter`)

export const places =
  words(`Memphis Paris Havana Berlin Kingston Detroit Lisbon Tokyo Georgia Montana Oslo Rio Dublin
Cairo Tulsa Marseille Nashville Reykjavík Brooklyn Lagos Bogotá Kyoto Malibu Savannah Naples Tangier Vienna Prague
Abilene Calcutta`)

/** Where artists come from; coordinates in degrees. */
export const cities: ReadonlyArray<{ readonly name: string; readonly lat: number; readonly lon: number }> = [
  { name: "New York, NY", lat: 40.71455, lon: -74.00712 },
  { name: "Los Angeles, CA", lat: 34.05349, lon: -118.24532 },
  { name: "Chicago, IL", lat: 41.88415, lon: -87.63241 },
  { name: "Memphis, TN", lat: 35.14968, lon: -90.04892 },
  { name: "Nashville, TN", lat: 36.16778, lon: -86.77836 },
  { name: "Detroit, MI", lat: 42.33168, lon: -83.04792 },
  { name: "Seattle, WA", lat: 47.60356, lon: -122.32944 },
  { name: "Austin, TX", lat: 30.26759, lon: -97.74299 },
  { name: "New Orleans, LA", lat: 29.95369, lon: -90.07771 },
  { name: "Atlanta, GA", lat: 33.74831, lon: -84.39111 },
  { name: "Portland, OR", lat: 45.51179, lon: -122.67563 },
  { name: "Minneapolis, MN", lat: 44.97903, lon: -93.26493 },
  { name: "London, England", lat: 51.50632, lon: -0.12714 },
  { name: "Manchester, England", lat: 53.4796, lon: -2.24881 },
  { name: "Glasgow, Scotland", lat: 55.8578, lon: -4.24251 },
  { name: "Dublin, Ireland", lat: 53.34376, lon: -6.24953 },
  { name: "Paris, France", lat: 48.85692, lon: 2.34121 },
  { name: "Berlin, Germany", lat: 52.51607, lon: 13.37698 },
  { name: "Stockholm, Sweden", lat: 59.33217, lon: 18.06243 },
  { name: "Oslo, Norway", lat: 59.91228, lon: 10.74998 },
  { name: "Reykjavík, Iceland", lat: 64.14545, lon: -21.92881 },
  { name: "Lisbon, Portugal", lat: 38.72568, lon: -9.15024 },
  { name: "São Paulo, Brazil", lat: -23.56287, lon: -46.65468 },
  { name: "Buenos Aires, Argentina", lat: -34.60852, lon: -58.37344 },
  { name: "Mexico City, Mexico", lat: 19.42705, lon: -99.12757 },
  { name: "Havana, Cuba", lat: 23.12309, lon: -82.38625 },
  { name: "Kingston, Jamaica", lat: 17.99287, lon: -76.79275 },
  { name: "Lagos, Nigeria", lat: 6.44133, lon: 3.41733 },
  { name: "Bamako, Mali", lat: 12.65, lon: -8 },
  { name: "Cape Town, South Africa", lat: -33.91909, lon: 18.42197 },
  { name: "Tokyo, Japan", lat: 35.68951, lon: 139.69171 },
  { name: "Melbourne, Australia", lat: -37.81753, lon: 144.96715 },
  { name: "Toronto, Ontario", lat: 43.64856, lon: -79.38533 },
  { name: "Montréal, Québec", lat: 45.51228, lon: -73.55439 }
]
