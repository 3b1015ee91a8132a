// Objects, foods, weather and nature: each with what it is and one thing worth knowing.

import { table } from './table.ts';

export type Thing = {
  name: string;
  kind:
    | 'tool'
    | 'boat'
    | 'boat part'
    | 'household thing'
    | 'clothes'
    | 'food'
    | 'plant'
    | 'nature'
    | 'weather'
    | 'toy'
    | 'season'
    | 'material';
  /** "a" for things that can be counted, "the" for the one sea, "" for rain and wool. */
  article: 'a' | 'the' | '';
  /** What it is: follows "is". */
  what: string;
  fact: string;
  /** "clear" for glass and rain, empty where the question makes no sense. */
  colour: string;
};

/** Kind, article, name, what it is, a fact, colour. */
const rows = table(
  6,
  `
boat part | a | anchor | a heavy iron hook that holds a ship in one place | It hangs on a long chain and digs into the ground. | black
boat part | a | sail | a big piece of cloth that catches the wind | When the wind fills it, the boat begins to move. | white
boat part | a | mast | a tall pole that carries the sails | It is often made from a straight pine tree. | brown
boat part | a | rudder | the part at the back of a boat that steers it | You move it to the left and the boat turns to the right. | brown
boat part | a | oar | a long piece of wood for rowing a boat | You pull it through the water to move forward. | brown
boat part | a | deck | the floor of a ship | The sailors wash it every morning. | brown
boat | a | ferry | a boat that carries people across the water | The ferry of Ankerwell runs from sunrise to sunset. | red
boat | a | rowing boat | a small boat that you move with oars | Two people fit into it, or one person and a big dog. | green
boat | a | sailing ship | a ship that is moved by the wind | It needs no fuel, only wind and patience. | white
boat | a | barge | a long and flat boat for heavy loads | It brings stone, wood and grain down the river. | black
boat | a | raft | a flat boat made of logs that are tied together | It is easy to build but slow. | brown
boat | a | fishing boat | a boat from which people catch fish | It goes out before sunrise and comes back at noon. | blue
tool | a | net | many strings knotted together to catch fish | The water runs through it, but the fish stay inside. | grey
tool | a | hammer | a tool for hitting nails | It has a wooden handle and an iron head. | grey
tool | a | saw | a tool with sharp teeth for cutting wood | It sings a little when you use it. | silver
tool | a | compass | a tool that shows where north is | Its needle always points to the north. | gold
tool | a | telescope | a tube with glass that makes far things look near | With it you can see a ship long before it arrives. | gold
tool | a | lantern | a lamp that you can carry | It keeps the wind away from the flame. | yellow
tool | a | rope | a thick and strong string | It is twisted from many thin threads. | brown
tool | a | map | a picture of the land and the water | It shows you where you are and how to go on. | yellow
tool | a | needle | a thin piece of metal for sewing | The thread goes through a tiny hole, which is called the eye. | silver
tool | a | bucket | a round container with a handle | You can carry water or sand in it. | blue
tool | a | ladder | two long poles with steps between them | You use it to climb up to high places. | brown
tool | a | wheelbarrow | a small cart with one wheel | It makes heavy loads easy to push. | green
tool | a | fishing rod | a long stick with a line and a hook | You need a worm, a quiet place and much time. | brown
household thing | a | kettle | a pot for boiling water | It whistles when the water is hot. | silver
household thing | a | candle | a stick of wax that gives light | A small string in the middle burns slowly. | white
household thing | a | clock | a machine that shows the time | It has a long hand for minutes and a short hand for hours. | gold
household thing | a | blanket | a big piece of cloth that keeps you warm | It is best when it is made of wool. | red
household thing | a | basket | a container made of thin branches | You carry bread, eggs or apples in it. | brown
household thing | a | key | a small piece of metal that opens a lock | Each key fits only one lock. | silver
household thing | a | bell | a metal cup that rings when you hit it | It rings at noon and when a ship arrives. | gold
household thing | a | chair | a thing to sit on | Most chairs have four legs and a back. | brown
household thing | a | book | many pages with words and pictures | Each book is a door into another world. | brown
household thing | a | letter | a message on paper | You write it, fold it and send it to a friend. | white
household thing | a | violin | a small wooden instrument with four strings | You play it with a bow. | brown
household thing | a | window | a hole in the wall with glass in it | It lets the light in and keeps the rain out. | clear
clothes | a | coat | a warm piece of clothing | You wear it when it is cold or wet. | blue
clothes | a | hat | a thing that you wear on your head | A good hat keeps off sun and rain. | black
clothes | a | scarf | a long piece of cloth for the neck | Grandmothers knit the best ones. | red
toy | a | kite | a light toy that flies on a string | It needs a windy day. | red
toy | a | ball | a round toy | You can throw it, catch it and kick it. | red
toy | a | paper boat | a small boat folded from paper | It floats until the paper is wet. | white
food |  | bread | food that is made of flour, water and salt | It is baked in a hot oven. | brown
food |  | honey | a sweet food that bees make | It is golden and very sticky. | gold
food |  | cheese | food that is made from milk | It gets stronger when it is old. | yellow
food |  | soup | a hot meal that you eat with a spoon | It is best on a cold day. | brown
food |  | butter | a soft yellow food that is made from cream | It melts on warm bread. | yellow
food |  | salt | a white powder that makes food taste better | It comes from the sea. | white
food |  | flour | a fine powder that is made from grain | You need it for bread and cakes. | white
food |  | milk | a white drink that comes from cows and goats | You can make butter and cheese from it. | white
food |  | tea | a hot drink that is made from leaves | It needs a few minutes in hot water. | brown
food | a | cake | a sweet food for special days | It is made with flour, eggs, butter and honey. | brown
food | a | apple | a round fruit that grows on a tree | It is ripe in autumn. | red
food | a | pear | a sweet and soft fruit | It is thin at the top and round at the bottom. | green
food | a | plum | a small blue fruit with a stone inside | It makes a very good cake. | blue
food | a | carrot | a long orange vegetable | It grows under the ground. | orange
food | a | potato | a round vegetable that grows under the ground | You must cook it before you eat it. | brown
food | a | onion | a round vegetable with many skins | It makes you cry when you cut it. | white
food | a | mushroom | a small thing that grows in the forest | Some mushrooms are good to eat and some are not. | brown
food | a | egg | a round thing that a hen lays | It is white outside and yellow inside. | white
plant | a | tree | a tall plant with a trunk of wood | Birds build their nests in it. | green
plant | a | flower | the bright part of a plant | Bees visit it for its sweet juice. | red
plant | a | rose | a flower with a sweet smell | It has sharp thorns on its stem. | red
plant | a | poppy | a red flower that grows in the fields | Its petals are as thin as paper. | red
plant | a | willow | a tree that likes to stand near water | Its branches hang down like hair. | green
plant | a | pine | a tree with needles that stay green all year | Its wood smells sweet. | green
plant | a | reed | a tall grass that grows at the edge of the water | It whispers when the wind blows. | green
plant |  | grass | a green plant that covers the meadow | Cows, sheep and geese eat it. | green
plant |  | moss | a soft green plant that grows on stones | It likes shade and water. | green
nature | the | river | a long stream of water that runs to the sea | Our river is called the Silda. | green
nature | the | sea | a very big body of salt water | It rises and falls twice a day. | blue
nature | the | moon | the bright round thing in the night sky | It pulls the sea and makes the tides. | silver
nature | the | sun | the star that gives us light and warmth | It rises in the east and sets in the west. | yellow
nature | the | tide | the rise and fall of the sea | High tide and low tide both come twice a day. | blue
nature | the | sky | the wide space above us | It is blue by day and black at night. | blue
nature | the | wind | moving air | It fills the sails and dries the washing. | clear
nature | a | wave | a hill of water that moves across the sea | The wind makes it. | blue
nature | a | star | a tiny light in the night sky | Sailors find their way by the stars. | white
nature | a | cloud | very many small drops of water in the sky | A dark cloud brings rain. | white
nature | a | stone | a hard piece of rock | The river makes it round and smooth. | grey
nature | a | shell | the hard house of a sea animal | Hold it to your ear and you hear the sea. | white
nature | a | pearl | a small shining ball that grows in a shell | It takes many years to grow. | white
nature | a | feather | a light thing that covers a bird | It keeps the bird warm and helps it fly. | white
nature | a | nest | the home that a bird builds for its eggs | It is made of twigs, grass and moss. | brown
nature | a | rainbow | a bow of many colours in the sky | You see it when the sun shines through rain. | red
nature |  | sand | very many tiny stones | The beach is full of it. | yellow
nature |  | mud | wet and soft earth | Eels love it and boots do not. | brown
nature |  | fire | hot and bright flames | It gives warmth, but you must watch it. | orange
weather |  | rain | water that falls from the clouds | It fills the river and makes the plants grow. | clear
weather |  | snow | frozen water that falls in soft white flakes | It covers the roofs in winter. | white
weather |  | fog | a cloud that lies on the ground | In fog the ships ring their bells. | grey
weather |  | ice | water that is frozen hard | It covers the mill pond in January. | clear
weather | a | storm | a very strong wind with rain | All boats stay in the harbour until it is over. | grey
weather |  | thunder | the loud sound after lightning | Count the seconds, and you know how far away it is. | clear
weather |  | lightning | a bright flash in the sky | You see it first and hear the thunder later. | white
season |  | spring | the season after winter | The storks come back and the trees turn green. | green
season |  | summer | the warmest season | The days are long and the children swim in the river. | yellow
season |  | autumn | the season after summer | The apples are ripe and the leaves fall. | orange
season |  | winter | the coldest season | The nights are long and the mill pond freezes. | white
material |  | wood | the hard inside of a tree | Boats, tables and houses are made of it. | brown
material |  | iron | a strong grey metal | The smith heats it until it is red and soft. | grey
material |  | wool | the soft hair of sheep | It is made into socks, coats and blankets. | white
material |  | glass | a clear and hard material that is made from sand | It breaks easily, so be careful. | clear
material |  | paper | thin sheets that are made from wood | You can write on it or fold a boat. | white
material |  | wax | a soft material that bees make | Candles are made of it. | yellow
material |  | leather | strong material that is made from skin | Shoes and bags are made of it. | brown
boat | a | boat | a thing that carries people over the water | It can have oars, a sail or only a long pole. | brown
boat | a | ship | a big boat that crosses the sea | Bram guides the ships up the river. | brown
tool | a | knife | a tool with a sharp edge for cutting | Always cut away from your hand. | silver
tool | a | hook | a bent piece of metal that holds things | You put a worm on it to catch a fish. | silver
tool | a | cart | a box on wheels that a horse can pull | It brings grain to the mill. | brown
tool | a | wheel | a round thing that turns | It makes a cart easy to move. | brown
household thing | a | house | a building where people live | It has a roof, a door and some windows. | white
household thing | a | door | the part of a house that you open to go in | Rosa has a blue one. | brown
household thing | a | table | a flat board on four legs | You eat and work at it. | brown
household thing | a | bed | a soft place to sleep | It is the best place on a cold night. | white
household thing | a | lamp | a thing that gives light | The biggest one of Ankerwell is in the lighthouse. | yellow
household thing | a | cup | a small container to drink from | A cup of tea keeps your hands warm. | white
household thing | a | spoon | a small tool for eating soup | Tilda has a wooden one. | silver
household thing | a | picture | something that is painted or drawn | Juna paints pictures of the sea. | blue
household thing | a | flute | a thin instrument that you blow into | Otto plays it on the hill. | silver
household thing | a | coin | a small round piece of money | The ferry costs one coin. | gold
clothes | a | boot | a high shoe for wet days | It keeps the water out. | black
clothes | a | sock | a soft cover for the foot | Greta knits warm ones. | grey
food | a | fruit | the sweet part of a plant that holds its seeds | Apples, pears and plums are fruits. | red
food | a | vegetable | a plant that you can eat | Carrots, onions and potatoes are vegetables. | green
food |  | water | what rivers and seas are made of | All plants and animals need it. | clear
food | a | cherry | a small red fruit with a stone inside | The birds love it too. | red
food | a | tomato | a soft red fruit for soups and salads | It likes the sun. | red
food | a | nut | a hard fruit with a good seed inside | The squirrels hide it for the winter. | brown
plant | a | leaf | a thin green part of a tree | It turns red and yellow in autumn. | green
plant | a | seed | a small thing from which a plant grows | It needs earth, water and light. | brown
nature | a | bird | an animal with feathers and two wings | Gulls, owls and storks are birds. | 
nature | a | fish | an animal that lives and breathes in the water | Salmon, trout and herring are fish. | silver
nature | a | mammal | an animal that feeds its babies with milk | Otters, dogs and whales are mammals. | 
nature | a | insect | a very small animal with six legs | Bees, ants and beetles are insects. | black
nature | a | animal | a living thing that can move and feel | Otters, gulls and bees are animals. | 
nature | a | pond | a small and quiet lake | Frogs and ducks live there. | green
nature | a | lake | water with land all around it | It is bigger than a pond. | blue
nature | a | stream | a small river | You can jump over it. | clear
nature | a | rock | a very big stone | Ships must stay away from it. | grey
nature | a | village | a small group of houses with people who know each other | Our village is called Ankerwell. | 
nature | a | sailor | a person who works on a ship | He ties good knots and knows the stars. | 
nature | a | friend | a person who likes you and helps you | You can tell a friend everything. | 
nature | a | song | words with a melody | Mara sings one on the water. | 
nature | a | story | something that somebody tells | Bram knows the best ones. | 
`,
);

export const things: Thing[] = rows.map(([kind, article, name = '', what = '', fact = '', colour = '']) => ({
  kind: kind as Thing['kind'],
  article: article as Thing['article'],
  name,
  what,
  fact,
  colour,
}));

/** Plurals that do not follow the rule. */
export const thingPlurals: Record<string, string> = {
  fish: 'fish',
  knife: 'knives',
  leaf: 'leaves',
  tomato: 'tomatoes',
  potato: 'potatoes',
};
