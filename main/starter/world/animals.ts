// The animals of Ankerwell and all that the starter model knows about them.

import { table } from './table.ts';

export type Animal = {
  name: string;
  group: 'bird' | 'fish' | 'mammal' | 'insect' | 'shell animal' | 'amphibian';
  /** 1 (an ant) to 9 (a whale), for questions that compare. */
  size: number;
  colour: string;
  look: string;
  /** Follows "It lives". */
  home: string;
  /** Follows "It eats". */
  food: string;
  /** Follows "It can". */
  skill: string;
  habit: string;
  /** Follows "It", for example "quacks"; missing where the animal is silent. */
  sound?: string;
  legs: number;
  flies: boolean;
  swims: boolean;
};

/** Name, group, size, legs, ways to move, colour, look, home, food, skill, habit, sound. */
const rows = table(
  12,
  `
otter | mammal | 5 | 4 | swim | brown | thick brown fur and a strong tail | in a den on the river bank | fish and crabs | swim fast under water | It likes to float on its back and play with small stones. | whistles
heron | bird | 5 | 2 | fly | grey | grey feathers and very long legs | near the river | fish and frogs | stand still for a long time | It waits quietly in the shallow water until a fish comes by. | croaks
gull | bird | 4 | 2 | fly swim | white | white feathers and a yellow beak | on the cliffs by the sea | fish and bread crumbs | glide on the wind | It follows the fishing boats and hopes for a small fish. | screams
kingfisher | bird | 2 | 2 | fly | blue | bright blue feathers and an orange belly | in a hole in the river bank | small fish | dive like an arrow | It sits on a branch and watches the water. | whistles
duck | bird | 4 | 2 | fly swim | brown | soft brown feathers and a flat beak | on the mill pond | water plants and snails | swim all day long | It puts its head under water and its tail up in the air. | quacks
swan | bird | 6 | 2 | fly swim | white | white feathers and a long neck | on the quiet part of the river | water plants | swim without a sound | It stays with the same partner for many years. | hisses
owl | bird | 4 | 2 | fly | brown | brown feathers and big round eyes | in the old barn | mice | fly in the dark without a sound | It sleeps by day and hunts at night. | hoots
sparrow | bird | 2 | 2 | fly | brown | small brown wings and a short beak | under the roof of the bakery | seeds and crumbs | hop very quickly | It likes to sit with its friends and talk. | chirps
crow | bird | 4 | 2 | fly | black | shiny black feathers and a strong beak | in the tall trees behind the church | seeds, worms and crumbs | solve small puzzles | It collects shiny things and hides them. | caws
stork | bird | 6 | 2 | fly | white | white and black feathers and long red legs | in a big nest on the chimney | frogs and mice | fly to far countries | It leaves in autumn and comes back in spring. | claps its beak
goose | bird | 5 | 2 | fly swim | grey | grey feathers and an orange beak | on the farm | grass | guard the yard | It walks in a line behind its mother. | honks
hen | bird | 4 | 2 | walk | red | red-brown feathers and a small red comb | in the hen house | corn and worms | lay an egg nearly every day | It scratches the ground with its feet. | clucks
salmon | fish | 4 | 0 | swim | silver | silver scales and a strong tail | in the sea and in the river | small fish | jump up a waterfall | It swims up the river in autumn to lay its eggs. | 
trout | fish | 3 | 0 | swim | brown | a brown skin full of red spots | in the cold part of the river | flies and worms | hide under a stone | It likes cold and clear water. | 
eel | fish | 4 | 0 | swim | dark green | a long body like a rope | in the mud of the river | worms and small fish | cross wet grass at night | It hides by day and comes out in the dark. | 
herring | fish | 3 | 0 | swim | silver | small silver scales | in the sea | tiny sea animals | swim in a big group | It never swims alone, for a big group is safe. | 
pike | fish | 5 | 0 | swim | green | a green body and many sharp teeth | between the reeds | other fish and frogs | shoot forward like an arrow | It waits between the plants and does not move. | 
whale | mammal | 9 | 0 | swim | grey | a huge grey body and a wide tail | in the deep sea | tiny sea animals | hold its breath for an hour | It comes up to breathe and blows water into the air. | sings
seal | mammal | 6 | 0 | swim | grey | smooth grey fur and dark round eyes | on the sand bank | fish | sleep in the water | It lies in the sun when the tide is low. | barks
dog | mammal | 5 | 4 | walk swim | brown | a wet nose and a tail that never rests | with people | meat and bread | find things by their smell | It wags its tail when it is happy. | barks
cat | mammal | 4 | 4 | walk | grey | soft fur and green eyes | with people | fish and mice | see well in the dark | It sleeps on a warm window sill. | meows
horse | mammal | 8 | 4 | walk swim | brown | a long mane and strong legs | in the stable | grass and apples | pull a heavy cart | It sleeps standing up. | neighs
donkey | mammal | 7 | 4 | walk | grey | grey fur and long ears | behind the mill | grass and carrots | carry heavy bags | It stops when it does not want to go on. | brays
cow | mammal | 8 | 4 | walk | brown | a big brown body and soft ears | on the green meadow | grass | give milk | It chews its grass twice. | moos
sheep | mammal | 6 | 4 | walk | white | thick white wool | on the hill | grass | find its own lamb by the voice | It stays close to the other sheep. | bleats
goat | mammal | 6 | 4 | walk | white | white fur, two horns and a small beard | on the hill | grass, leaves and sometimes a hat | climb steep rocks | It is curious and tastes everything. | bleats
fox | mammal | 5 | 4 | walk | red | red fur and a thick tail | in a den in the forest | mice and berries | hear a mouse under the snow | It comes out in the evening and walks very softly. | barks
hedgehog | mammal | 3 | 4 | walk | brown | thousands of small spines | under a pile of leaves | worms and beetles | roll up into a ball | It sleeps all winter. | snuffles
mouse | mammal | 2 | 4 | walk | grey | tiny ears and a long thin tail | in a hole in the wall | grain and cheese | slip through a very small hole | It comes out when the house is quiet. | squeaks
rabbit | mammal | 4 | 4 | walk | grey | soft fur and long ears | in a hole on the hill | grass and clover | jump far | It knocks on the ground with its foot when there is danger. | 
squirrel | mammal | 3 | 4 | walk | red | red fur and a bushy tail | in the trees | nuts and seeds | jump from tree to tree | It hides nuts for the winter and forgets some of them. | chatters
beaver | mammal | 5 | 4 | swim | brown | brown fur, big teeth and a flat tail | in a house of branches in the river | bark and leaves | cut down a tree with its teeth | It builds dams across the stream. | 
bat | mammal | 2 | 2 | fly | black | thin wings and big ears | in the church tower | moths and flies | find its way by sound | It sleeps with its head down. | squeaks
frog | amphibian | 2 | 4 | swim | green | smooth green skin and long back legs | in the pond | flies | jump far and swim well | It sings on warm evenings. | croaks
toad | amphibian | 2 | 4 | swim | brown | a dry brown skin full of bumps | under a stone in the garden | snails and worms | sit still like a stone | It walks back to the same pond every spring. | croaks
bee | insect | 1 | 6 | fly | yellow | yellow and black stripes | in a hive | the sweet juice of flowers | make honey | It dances to show its sisters where the flowers are. | hums
butterfly | insect | 1 | 6 | fly | orange | four bright wings | in the meadow | the sweet juice of flowers | taste with its feet | It was a caterpillar before it could fly. | 
ant | insect | 1 | 6 | walk | black | a tiny black body | in a hill of sand | seeds and sweet things | carry things that are bigger than itself | It works together with its sisters. | 
dragonfly | insect | 1 | 6 | fly | green | four clear wings and a long body | over the pond | flies | fly backwards | It sparkles in the sun like glass. | 
beetle | insect | 1 | 6 | fly | black | a hard and shiny back | under old wood | leaves | carry heavy things | It keeps its wings folded under a hard shell. | 
crab | shell animal | 2 | 8 | swim | red | a hard shell and two claws | on the beach | snails and sea plants | walk sideways | It hides under a stone when the tide is low. | 
snail | shell animal | 1 | 0 | walk | brown | a round shell on its back | in the garden | leaves | climb up a wall | It carries its house wherever it goes. | 
mussel | shell animal | 1 | 0 | none | dark blue | two dark blue shells | on the stones of the harbour | tiny plants in the water | hold on to a rock very tightly | It closes its shells when the tide is low. | 
`,
);

export const animals: Animal[] = rows.map(
  ([
    name = '',
    group,
    size,
    legs,
    moves = '',
    colour = '',
    look = '',
    home = '',
    food = '',
    skill = '',
    habit = '',
    sound = '',
  ]) => ({
    name,
    group: group as Animal['group'],
    size: Number(size),
    legs: Number(legs),
    colour,
    look,
    home,
    food,
    skill,
    habit,
    ...(sound === '' ? {} : { sound }),
    flies: moves.includes('fly'),
    swims: moves.includes('swim'),
  }),
);

export const animalPlurals: Record<string, string> = {
  mouse: 'mice',
  goose: 'geese',
  sheep: 'sheep',
  fish: 'fish',
  salmon: 'salmon',
  trout: 'trout',
  pike: 'pike',
  butterfly: 'butterflies',
  dragonfly: 'dragonflies',
  fox: 'foxes',
  sparrow: 'sparrows',
  herring: 'herrings',
};
