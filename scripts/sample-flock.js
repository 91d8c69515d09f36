/** Poems for the screenshot, in addition to those in poems/. */
export const poems = {
  evensong: `The bell lets go of the hour.
Swifts sew the last of the light to the roofs.
Somebody carries a chair indoors, and the garden is alone with itself.
What the day could not finish, it folds.
A window is lit, and then the idea of windows.
The river keeps its one appointment.
Bread cools on a sill and forgives everyone.
The dog has heard all this before, and listens.
Now the hedges close their small shops.
Now the stair remembers every foot.
One star, early, pretends to be passing by.
Let whoever is out be met.
Let whoever is in be quiet.
The dark comes as a guest does, wiping its shoes.`,
  'tide-table': `High water 04:12. The harbour is a bowl somebody has set down carefully.
Low water 10:31. Every boat shows its ankles.
High water 16:40. The steps count themselves in reverse.
Low water 22:58. The moon looks for a ring it dropped.
High water 05:03. Nothing was taken that was not brought back.
Low water 11:20. A child writes a name, large, in good time.
High water 17:29. The name is read, and kept.
Low water 23:47. The mud tells the lamp everything.`,
  'orchard-hours': `Six: the ladder is wet on one side only.
Seven: a wasp signs for the plums.
Eight: the grass has been talking to the hem of my coat.
Nine: the first apple lets go, to see.
Ten: the others discuss it.
Noon: shade, sold by the yard.
Two: bees, carrying the afternoon from room to room.
Four: the basket is heavier than what is in it.
Six: the ladder again, dry now, telling no one.`,
  'night-train': `We leave the town
the way one leaves a sleeping child:
backwards, and by lamplight.

A field goes by with one horse in it.
The horse goes by
with one field in it.

Somewhere a signal
changes its mind to green,
and we are forgiven all our luggage.

The man across from me
is reading the window.
He has come to the part with the bridge.

Four in the morning.
Every station is called Waiting.
The tea is called Tea.

Then the sea, suddenly,
on the wrong side,
as in all the best letters.`,
  'letters-to-rain': `Dear rain, the roof has asked after you.
Dear rain, we kept your place at the gutter.
Dear rain, the tomatoes deny everything.
Dear rain, I have mended the bucket, so you may be brief.
Dear rain, they are saying you were seen in the next county, with thunder.
Dear rain, I am not jealous of the lake.
Dear rain, the letters I write you arrive as clouds.
Dear rain, come as you are.
Dear rain, thank you. That was more than enough.
Dear rain, about the cellar.`,
  'small-atlas': `Island: a thought the sea has not finished.
Isthmus: two countries holding hands under the table.
Delta: the river opens its letters all at once.
Plateau: the mountain, having made its point.
Fjord: where the land keeps its cold drawer.
Desert: an hourglass, resting.
Border: a line that neither bird has read.
Strait: the sea, through clenched teeth, singing.
Archipelago: a sentence with the verbs taken out.
Spring: the ground changes its mind.
Horizon: as far as I am told.
Home: see everything above.`,
  wintering: `The year puts on its smaller coat.
We count the logs as if they were verses.
A crow walks over the page and leaves it signed.
Under the ice the pond goes on thinking.
Everything the garden knew is in one brown seed, which is not telling.
The kettle has the only opinion.
Snow, and the street is fluent at last.
Even the gate speaks softly.
We have bread, a lamp, eleven candles and each other’s company.
It is not long now, says the almanac, which always says so.`,
  'salt-psalter': `Praise the salt, that asks for nothing and is asked for everywhere.
Praise the pan, the pinch, the thumb.
Praise the tear, that brings its own.
Praise the white road of oxen.
Praise the sea, for keeping so much of it and so long.
Praise the loaf that would be only bread.
Praise the hand that knows how much.
Praise too little. Praise again.`,
  'clock-repairs': `The mainspring, unwound, lies like a sentence with no end in sight.
A hairspring is the width of hesitation.
Oil: one drop, where the years meet.
The cuckoo had opinions; I have filed them.
This one stopped at ten past four, and will not say for whom.
I set it by the church, which sets itself by me.
The second hand is the only honest one, and it is always leaving.
When they are all mended I shall not hear the shop at all.`,
};

/** Each bot's account, the day on which it joined the flock, and its settings in flock.json; in the order of those days. */
export const bots = {
  lamplighter: { account: 'the_lamplighter', from: '2026-03-24', settings: { schedule: '0 17-20 * * *' } },
  evensong: { account: 'evensong_bot', from: '2026-03-24', settings: { schedule: '30 18 * * *' } },
  'snow-ledger': { account: 'snow_ledger', from: '2026-04-02', settings: { schedule: '0 8 * * 1-5' } },
  'long-breath': {
    account: 'one_long_breath',
    from: '2026-04-17',
    settings: { schedule: '0 12 * * 0', timezone: 'Europe/Lisbon' },
  },
  beacons: {
    account: 'beacons_at_sea',
    from: '2026-05-01',
    settings: { schedule: '0 21 * * 5,6', timezone: 'Asia/Tokyo' },
  },
  'tide-table': {
    account: 'tide_table',
    from: '2026-05-09',
    settings: { schedule: '12 4,10,16,22 * * *', timezone: 'Europe/London', budget: { postsPerDay: 4 } },
  },
  'orchard-hours': {
    account: 'orchard_hours',
    from: '2026-06-01',
    settings: { schedule: '0 6,8,12,16,18 * * 6,0' },
  },
  'night-train': {
    account: 'a_night_train',
    from: '2026-06-14',
    settings: { schedule: '40 23 * * *', unit: 'stanza', budget: { usdPerMonth: 0.5 } },
  },
  'letters-to-rain': {
    account: 'letters_to_rain',
    from: '2026-06-28',
    settings: { schedule: '15 7,19 * * 1,2,3,5' },
  },
  'small-atlas': {
    account: 'small_atlas',
    from: '2026-07-12',
    settings: { schedule: '0 9,15 * * *', timezone: 'America/New_York' },
  },
  'salt-psalter': {
    account: 'salt_psalter',
    from: '2026-08-02',
    settings: { schedule: '0 10 * * 3,6', budget: { usdPerMonth: 0.25 } },
  },
  'clock-repairs': { account: 'clock_repairs', from: '2026-08-20', settings: { schedule: '10 4,16 * * *' } },
};

/** The flock's own settings in flock.json. */
export const settings = {
  timezone: 'Europe/Berlin',
  spread: '10m',
  budget: { usdPerMonth: 8, postsPerDay: 30 },
};
