// Short instructions in three steps.

import type { Topic } from './exchange.ts';
import { table } from '../world/table.ts';

/** What to do, three steps, the shortest answer. */
const recipes = table(
  5,
  `
bake bread | mix flour, water and salt | let the dough rest for an hour | bake it in a hot oven | Mix flour, water and salt and bake it.
catch a fish | put a worm on the hook | throw the line into quiet water | wait and do not make a sound | Use a worm and be quiet.
tie up a boat | throw the rope over the post | pull it tight | make two good knots | Pull the rope tight and make two knots.
make tea | boil some water | pour it over the leaves | wait for three minutes | Pour hot water over the leaves.
light a fire | collect dry wood | put small sticks under the big ones | light it and blow softly | Take dry wood and begin with small sticks.
fly a kite | wait for a windy day | run with the kite behind you | let out the string slowly | Wait for wind, then run.
cook soup | cut carrots, onions and potatoes | put them into a pot of water | cook them for half an hour | Cook vegetables in water.
plant a tree | dig a deep hole | put the roots into the earth | give it plenty of water | Dig a hole and water the roots.
row a boat | sit with your back to the front | put both oars into the water | pull them towards you | Put in both oars and pull.
make a paper boat | take a sheet of paper | fold it in half and fold the corners down | open it carefully | Fold a sheet of paper.
mend a net | find the hole | take a wooden needle and string | knot the broken threads together | Knot the broken threads together.
find north | hold the compass flat | wait until the needle is still | go where the needle points | Use a compass.
write a letter | take a pen and paper | write what you want to say | fold it and bring it to Piet | Write, fold and send it.
paint a boat | clean the old wood | paint it once and let it dry | paint it a second time | Clean it and paint it twice.
cross the river | go to the ferry landing | ring the small bell | wait for Mara and her ferry | Take the ferry.
make butter | pour cream into a jar | shake it for a long time | take out the butter and add salt | Shake cream for a long time.
make friends | smile and say hello | ask a question | listen well | Say hello and listen.
fall asleep | put out the light | close your eyes | think of the sound of the river | Close your eyes and be still.
stay warm in winter | wear wool | sit near the fire | drink something hot | Wear wool and sit near the fire.
swim | start in shallow water | lie flat and breathe calmly | move your arms and legs | Start in shallow water.
get honey | wear a hat with a veil | calm the bees with a little smoke | take out the honey slowly | Calm the bees first.
clean a window | take a bucket of warm water | wash the glass with a cloth | dry it with paper | Wash it and dry it.
make cheese | warm the milk | wait until it is thick | press out the water and let it rest | Warm the milk and press it.
grow carrots | put the seeds into soft earth | water them every day | pull them out in summer | Sow them and water them.
`,
);

export const howTo: Topic = (random) => {
  const [task = '', first = '', second = '', third = '', brief = ''] = random.pick(recipes);
  return [
    {
      user: random.pick([
        `How do I ${task}?`,
        `How do you ${task}?`,
        `How can I ${task}?`,
        `Tell me how to ${task}.`,
        `Explain how to ${task}.`,
        `I want to ${task}. What should I do?`,
        `Can you teach me how to ${task}?`,
      ]),
      assistant: `First, ${first}. Then ${second}. At last, ${third}.`,
      brief,
    },
  ];
};
