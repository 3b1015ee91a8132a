// The people of Ankerwell: who they are, what they do, what they love.

import { table } from './table.ts';

export type Person = {
  name: string;
  she: boolean;
  job: string;
  /** What someone of this job does: follows "A baker". */
  work: string;
  /** Where they work: follows "works". */
  place: string;
  trait: string;
  coat: string;
  petKind: string;
  petName: string;
  food: string;
  /** Follows "likes to". */
  hobby: string;
  tool: string;
};

/** Name, pronoun, job, work, place, trait, coat, animal, its name, food, hobby, tool. */
const rows = table(
  12,
  `
Mara | she | ferry keeper | takes people across the river | at the ferry landing | patient | red | dog | Pip | plum cake | sing on the water | a long rope
Jonas | he | lighthouse keeper | keeps the light burning at night | at the lighthouse | calm | yellow | cat | Salt | pea soup | watch the stars | a big lamp
Tilda | she | baker | bakes bread and cakes | at the bakery | cheerful | white | sparrow | Crumb | honey bread | dance in the kitchen | a wooden spoon
Oskar | he | miller | grinds grain into flour | at the mill | strong | grey | donkey | Bobo | pancakes | play cards | a heavy millstone
Ilse | she | teacher | teaches children to read and count | at the school | clever | blue | owl | Minerva | apple pie | read old books | a piece of chalk
Bram | he | river pilot | guides ships up and down the river | on the river | wise | dark blue | dog | Anchor | fish soup | tell old stories | a brass lantern
Nell | she | fisher | catches fish with a net | at the harbour | brave | green | gull | Wink | fried herring | row against the tide | a wide net
Hugo | he | smith | makes things from hot iron | at the forge | quiet | black | goat | Spark | bean stew | carve small animals | a heavy hammer
Greta | she | net maker | makes and mends nets | in the net house | careful | purple | cat | Knot | pear jam | knit warm socks | a wooden needle
Finn | he | boat builder | builds boats from wood | at the boat yard | skilful | brown | duck | Plank | cheese pie | swim in the cold river | a sharp saw
Ada | she | clockmaker | makes and mends clocks | in the clock shop | exact | orange | mouse | Tick | almond biscuits | collect old keys | a tiny screwdriver
Wim | he | gardener | grows flowers and vegetables | in the village garden | gentle | green | hedgehog | Thistle | carrot soup | talk to his plants | a green watering can
Lotte | she | beekeeper | looks after bees and collects honey | on the meadow | kind | yellow | rabbit | Clover | warm milk with honey | pick wild flowers | a white hat with a veil
Piet | he | postman | brings letters and parcels | at the post office | friendly | blue | horse | Stamp | potato salad | whistle long tunes | a leather bag
Sanna | she | doctor | helps people who are ill | in the white house by the bridge | helpful | white | dog | Button | tomato soup | walk on the beach | a small black bag
Emil | he | musician | plays music for others | at the inn | funny | red | crow | Note | cherry cake | write new songs | an old violin
Rosa | she | weaver | makes cloth from wool | in the house with the blue door | busy | pink | sheep | Cloud | bread with cheese | mix new colours | a big loom
Karl | he | cook | cooks for hungry guests | at the inn | jolly | white | hen | Pepper | mushroom stew | taste new spices | a big iron pot
Juna | she | painter | paints pictures | in the tower room | dreamy | orange | snail | Speedy | strawberries | paint the sea at sunrise | a thin brush
Otto | he | shepherd | looks after sheep | on the hill | patient | brown | dog | Wolf | goat cheese | play the flute | a long stick
Vera | she | harbour master | tells each ship where to tie up | at the harbour | fair | dark blue | cat | Captain | smoked eel | look through her telescope | a long telescope
Anton | he | carpenter | makes tables, chairs and doors | in the workshop near the mill | tidy | grey | squirrel | Chip | nut bread | build bird houses | a good plane
`,
);

export const people: Person[] = rows.map(
  ([
    name = '',
    pronoun,
    job = '',
    work = '',
    place = '',
    trait = '',
    coat = '',
    petKind = '',
    petName = '',
    food = '',
    hobby = '',
    tool = '',
  ]) => ({
    name,
    she: pronoun === 'she',
    job,
    work,
    place,
    trait,
    coat,
    petKind,
    petName,
    food,
    hobby,
    tool,
  }),
);

/** First names of people who pass through: visitors, pupils, the people of small puzzles. */
export const girls =
  'Anna Clara Ella Hanna Ida Katja Mia Olga Ruth Ute Maria Lisa Emma Lena Julia Sarah Alice Laura Sofia Nina Eva Kim Jenny Grace Yuki Priya Fatima Lucy Amy'.split(
    ' ',
  );
export const boys =
  'Ben David Felix Jan Leo Nils Paul Sam Tom Viktor Peter Max Noah Tim Lucas Mark Bob Daniel Adam Simon Robert Alex Chris Oliver Henry Amir Chen Diego Jack John'.split(
    ' ',
  );
export const names = [...girls, ...boys];
