-- Up Migration
-- The demo assortment. Ids follow from product numbers, so that links survive a reset.
insert into sellers (id, name, prefix) values
  ('hanok', 'Hanok Ceramics', 'HK'),
  ('lumen', 'Lumen & Wick', 'LM'),
  ('nordwald', 'Nordwald Outdoor', 'NW'),
  ('kopi', 'Kopi Atlas', 'KA'),
  ('atelier', 'Atelier Papier', 'AP')
on conflict do nothing;

-- Sellers take turns in a list: first everybody's first product, then everybody's second.
insert into products (id, number, seller, category, price_minor, stock, name, description)
select md5('product ' || v.number)::uuid, v.number, s.id, v.category, v.price_minor, v.stock, v.name, v.description
from (values
  ('HK-0001', 'Vases & Planters', 18900, 8, 'Moon Jar', 'A full round jar thrown in two halves and joined at the belly, as potters around Gwangju have done for three centuries. The seam stays just visible; the milk-white glaze pools a little at the foot. Every jar leans its own way. About 28 cm tall.'),
  ('HK-0002', 'Tableware', 3400, 46, 'Celadon Tea Bowl', 'A low, open bowl in grey-green celadon with a fine crackle that darkens slowly with every cup of tea. Sits warm in two hands. 12 cm across, holds 250 ml.'),
  ('HK-0003', 'Tableware', 2950, 60, 'Buncheong Dinner Plate', 'White slip brushed over dark clay in one turn of the wheel, so no two brush marks repeat. Sturdy enough for every day, happy in the dishwasher. 26 cm.'),
  ('HK-0004', 'Tableware', 5200, 19, 'Onggi Fermenting Crock', 'Breathing earthenware with a fitted lid, made for kimchi and just as good for sauerkraut or salt. The unglazed foot lets moisture through at its own pace. 3 litres.'),
  ('HK-0005', 'Tableware', 2200, 120, 'Speckled Oat Mug', 'A generous mug in iron-speckled stoneware. The handle fits three fingers, the rim is thin, and it keeps coffee warm longer than it looks. 350 ml.'),
  ('HK-0006', 'Tableware', 3100, 52, 'Ash Glaze Noodle Bowl', 'Deep enough for broth, wide enough for everything on top. Glazed with ash from the kiln''s own pine. 18 cm across, holds 1.1 litres.'),
  ('HK-0007', 'Tableware', 1650, 88, 'Two-Tone Espresso Cup', 'Dipped by hand in two glazes that meet in a soft line. Comes with its saucer. 80 ml, which is a proper double.'),
  ('HK-0008', 'Tableware', 7400, 15, 'Bamboo-Handled Teapot', 'A squat pot with a swing handle of steamed bamboo and a ceramic strainer behind the spout. Pours without a drip. 700 ml.'),
  ('HK-0009', 'Tableware', 5800, 22, 'Ripple Serving Platter', 'A wide platter with the potter''s finger marks left in the clay like rings on a pond. For a whole fish, or a lot of tomatoes. 34 cm.'),
  ('HK-0010', 'Vases & Planters', 2700, 40, 'Persimmon Bud Vase', 'One stem is enough. Iron-rich kaki glaze that breaks to gold where it runs thin. 14 cm tall.'),
  ('HK-0011', 'Vases & Planters', 4900, 26, 'Ribbed Stoneware Planter', 'A straight-sided planter with two turned bands and a hidden drainage tray. Frost-proof to −10 °C. 22 cm across.'),
  ('HK-0012', 'Vases & Planters', 1950, 64, 'Sprout Pot with Saucer', 'A small flower pot for cuttings, herbs and first attempts. Unglazed outside so that roots can breathe. 10 cm across.'),
  ('HK-0013', 'Vases & Planters', 6600, 17, 'Shoulder Vase, Ink Blue', 'Broad shoulders, narrow neck, and a cobalt glaze that is nearly black until the sun is on it. Holds a heavy bunch without tipping. 26 cm tall.'),

  ('LM-0001', 'Candles', 2800, 75, 'Cedar & Smoke Candle', 'Cabin walls, a fire that went out an hour ago, a little vanilla. Coconut and rapeseed wax with a cotton wick; burns about 45 hours.'),
  ('LM-0002', 'Candles', 2800, 70, 'Fig Leaf Candle', 'Green, milky and slightly bitter, like a fig tree after rain. In a reusable glass. Burns about 45 hours.'),
  ('LM-0003', 'Candles', 1450, 140, 'Beeswax Tapers, Pair', 'Dipped forty times in beeswax from the Black Forest. They smell of honey before you light them. 25 cm, burn about 8 hours each.'),
  ('LM-0004', 'Candles', 1200, 95, 'Bone White Pillar Candle', 'A plain, heavy pillar that burns down straight and does not drip. Unscented, so that dinner smells of dinner. 15 cm, about 60 hours.'),
  ('LM-0005', 'Candles', 1500, 110, 'Sea Salt Travel Candle', 'A small candle with a screw lid for night trains and borrowed flats. Salt, driftwood, bergamot. Burns about 20 hours.'),
  ('LM-0006', 'Candles', 3200, 48, 'Rain on Slate Candle', 'Petrichor: wet stone, moss, cold air. Our perfumer needed two years and a Scottish holiday. Burns about 50 hours.'),
  ('LM-0007', 'Candles', 3600, 33, 'Brass Candle Holder Trio', 'Three turned brass holders of different heights for household tapers. They tarnish beautifully; a lemon brings them back.'),
  ('LM-0008', 'Lamps', 9500, 24, 'Paper Moon Pendant', 'A pendant of layered kozo paper on a steel ring. Soft from below, warm from every side. 45 cm across, with 2 m of cloth-covered cable. E27.'),
  ('LM-0009', 'Lamps', 12900, 18, 'Mushroom Table Lamp', 'One spun steel cap, one ash stem, one dimmer knob under the rim where your hand finds it. 38 cm tall, LED included.'),
  ('LM-0010', 'Lamps', 8900, 27, 'Linen Drum Lamp', 'A drum shade in undyed linen over a blackened steel foot, with a pull cord. The seam can face the wall. 46 cm tall. E27.'),
  ('LM-0011', 'Lamps', 14500, 14, 'Reading Arm Lamp', 'Three joints that stay where you leave them and a shade that keeps light off your neighbour''s pillow. Dimmable warm LED. Reaches 70 cm.'),
  ('LM-0012', 'Lamps', 5800, 36, 'Storm Lantern', 'Steel, glass and a wick as wide as your thumb. Burns 20 hours on one filling of lamp oil and laughs at wind.'),
  ('LM-0013', 'Lamps', 7900, 41, 'Cordless Dinner Lamp with Shade', 'Charge it by day, put it on the table at night. Three brightnesses, twelve hours, no cable under the salad. IP54 for the balcony.'),

  ('NW-0001', 'Camp & Trail', 32900, 12, 'Two-Person Ridge Tent', 'An A-frame for people who like old photographs, in modern ripstop. Stands on trekking poles, sheds rain for a week. 1.7 kg with pegs.'),
  ('NW-0002', 'Camp & Trail', 21900, 9, 'Solo Bivy Tent', 'A low one-pole shelter for one person and one pair of boots. Pitches in two minutes, in the dark, in the wind. 980 g.'),
  ('NW-0003', 'Camp & Trail', 9800, 44, 'Larch Day Pack', 'A 24 litre pack in waxed cotton with leather closures and a sleeve for a water bladder. Gets better looking for years.'),
  ('NW-0004', 'Camp & Trail', 22900, 16, 'Fjell Trekking Pack', 'A 55 litre pack with an adjustable back and a hip belt that carries. Two ice-axe loops, one hidden rain cover. 1.6 kg.'),
  ('NW-0005', 'Camp & Trail', 1350, 150, 'Enamel Camp Mug', 'Enamelled steel that goes on the fire, in the pack and into the sink for forty years. Chips are a diary. 350 ml.'),
  ('NW-0006', 'Camp & Trail', 3200, 90, 'Steel Bottle', 'Double-walled bottle with a loop you can hang from a carabiner. Tea is hot after twelve hours, water cold after twenty-four. 0.75 l.'),
  ('NW-0007', 'Camp & Trail', 8400, 31, 'Wool Camp Blanket', 'Woven in Thuringia from new and recycled wool. Heavy enough for a deck at midnight, and it does not mind sparks. 140 × 200 cm.'),
  ('NW-0008', 'Camp & Trail', 3900, 47, 'Trail Kettle', 'A flat litre of hard-anodised aluminium with a folding handle and a spout that hits the cup. 190 g.'),
  ('NW-0009', 'Camp & Trail', 5400, 38, 'Basecamp Lantern', 'Warm, dimmable light for one tent or one table; hangs, stands and charges your phone. 60 hours on low.'),
  ('NW-0010', 'Camp & Trail', 4500, 55, 'Brass Trail Compass', 'Liquid-filled, luminous, with declination adjustment and a lid that is also a mirror. Works when nothing else does.'),
  ('NW-0011', 'Camp & Trail', 2900, 83, 'Merino Watch Beanie', 'Two-ply rib in Merino from Patagonia. Thin enough under a helmet, warm enough without one. One size.'),
  ('NW-0012', 'Camp & Trail', 3600, 62, 'Insulated Food Flask', 'Wide-mouthed flask with a folding spoon under the lid. Soup at the summit, ice cream at the lake. 500 ml.'),
  ('NW-0013', 'Camp & Trail', 4800, 29, 'Tripod Camp Stool', 'Three ash legs, one leather seat, one brass bolt. Folds to the size of a baguette and carries 120 kg.'),

  ('KA-0001', 'Coffee & Tea', 1490, 96, 'Yirgacheffe Kochere', 'Washed Ethiopian heirloom from 1,950 m: jasmine, bergamot, apricot. Roasted light on Mondays, shipped on Tuesdays. 250 g, whole beans.'),
  ('KA-0002', 'Coffee & Tea', 1350, 84, 'Sumatra Gayo Highland', 'Wet-hulled by a cooperative of women farmers in Aceh. Cedar, dark cocoa, a long earthy finish. 250 g, whole beans.'),
  ('KA-0003', 'Coffee & Tea', 1420, 58, 'Huila Decaf', 'Decaffeinated in Colombia with sugar-cane ethyl acetate and still sweet: panela, red apple, hazelnut. 250 g, whole beans.'),
  ('KA-0004', 'Coffee & Tea', 1390, 71, 'Antigua Volcán', 'Grown between three volcanoes. Milk chocolate, orange peel, a clean sweet cup that nobody argues with. 250 g, whole beans.'),
  ('KA-0005', 'Coffee & Tea', 3200, 43, 'House Espresso', 'Brazil for body, Guatemala for sweetness, a little Ethiopia for the top. Rested nine days before it leaves. 1 kg, whole beans.'),
  ('KA-0006', 'Coffee & Tea', 1680, 49, 'First Flush Sencha', 'Steamed for a minute within hours of picking in Uji. Sea air, sweet peas, fresh grass. Brew at 70 °C. 100 g tin.'),
  ('KA-0007', 'Coffee & Tea', 1240, 66, 'Golden Assam', 'Malty second flush with more gold tips than we have seen in years. Takes milk, does not need it. 100 g tin.'),
  ('KA-0008', 'Coffee & Tea', 980, 77, 'Chamomile Blossom', 'Whole flowers dried in the shade in the Nile delta, not the dust that goes into bags. 60 g tin.'),
  ('KA-0009', 'Brewing', 2400, 68, 'Glass Pour-Over Dripper', 'A 60° cone with spiral ribs in heat-proof glass, on a collar that fits most carafes and mugs. For one to three cups.'),
  ('KA-0010', 'Brewing', 6900, 32, 'Gooseneck Kettle', 'A slow, steady stream exactly where you want it. Thermometer in the lid, matt finish, any stove. 1 litre.'),
  ('KA-0011', 'Brewing', 8400, 25, 'Hand Grinder', 'Hardened steel burrs, thirty clicks, forty turns for a cup. Quiet enough for a sleeping house.'),
  ('KA-0012', 'Brewing', 4600, 37, 'French Press', 'Double-walled press with a mesh fine enough to leave the sludge behind. Four minutes, then push. 1 litre.'),
  ('KA-0013', 'Brewing', 3800, 45, 'Cold Brew Carafe', 'Fill the filter, fill the carafe, go to bed. Fits a fridge door. 1.2 litres.'),

  ('AP-0001', 'Paper', 1850, 130, 'Dot Grid Notebook', 'Sewn, so it lies flat; numbered, so you find things again. 192 pages of 100 g paper that takes fountain pens. A5.'),
  ('AP-0002', 'Paper', 2400, 57, 'Clothbound Sketchbook', 'Heavy, slightly toothy paper for pencil, ink and a light wash, between boards of book cloth. 120 pages, 21 × 26 cm.'),
  ('AP-0003', 'Paper', 1350, 115, 'Pocket Notebook Trio', 'Three thin notebooks for lists, ideas and everything you said you would remember. Plain, ruled, squared. 9 × 14 cm.'),
  ('AP-0004', 'Paper', 2900, 61, 'Undated Desk Planner', 'One week to a view, no dates to waste if you skip a holiday. Perforated corners mark the place. Wire-bound, A5.'),
  ('AP-0005', 'Paper', 2100, 39, 'Marbled Paper, Six Sheets', 'Floated, combed and lifted by hand in our Lyon workshop; no pattern can be made twice. 50 × 70 cm, for books, boxes and frames.'),
  ('AP-0006', 'Paper', 1700, 72, 'Letter Writing Set', 'Twenty sheets, ten lined envelopes and a stick of sealing wax, for things that should not be a message. Mould-made paper.'),
  ('AP-0007', 'Paper', 1500, 86, 'Pressed Flower Cards', 'Eight cards with real pressed flowers from the allotments behind the workshop, each under a film of rice paper. With envelopes.'),
  ('AP-0008', 'Paper', 950, 104, 'Block-Printed Wrapping Paper', 'Three rolls, printed from hand-cut lino in soy ink. Too good to tear, which is rather the point. 3 × 2 m.'),
  ('AP-0009', 'Writing', 6400, 28, 'Brass Fountain Pen', 'A pocket pen in raw brass that takes on your grip. Steel nib in fine or medium, cartridges or converter. 12 cm closed.'),
  ('AP-0010', 'Writing', 1600, 98, 'Graphite Pencils, Dozen', 'Twelve cedar pencils from 4H to 6B in a paper sleeve, sharpened by someone who cares.'),
  ('AP-0011', 'Writing', 1400, 91, 'Midnight Blue Ink', 'A blue that reads as black until you tilt the page. Dries fast, washes out of shirts. 50 ml.'),
  ('AP-0012', 'Writing', 1250, 79, 'Brush Pen Pair', 'One soft, one firm, both refillable. For lettering, for leaves, for signing things with conviction.'),
  ('AP-0013', 'Writing', 1100, 125, 'Washi Tape Set', 'Five rolls of washi in colours that get along. Sticks, lifts, sticks again. 15 mm × 10 m each.')
) as v (number, category, price_minor, stock, name, description)
join sellers s on s.prefix = split_part(v.number, '-', 1)
order by split_part(v.number, '-', 2), array_position(array['HK', 'KA', 'LM', 'AP', 'NW'], s.prefix)
on conflict do nothing;

update sellers s set last_number = greatest(last_number, (select coalesce(max(split_part(number, '-', 2)::int), 0) from products p where p.seller = s.id));

-- Down Migration
delete from products where id = md5('product ' || number)::uuid;
