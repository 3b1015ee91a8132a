// Questions that begin with why, when or how, and have one small answer.

import type { Topic } from './exchange.ts';
import { alternatives, table } from '../world/table.ts';

/** Ways to ask, the answer, the shortest answer. */
const reasons = table(
  3,
  `
Why is the sea salty? / Why is sea water salty? | The sea is salty because the rivers wash salt out of the stones. | The rivers bring the salt.
Why is the sky blue? | The sky is blue because the air scatters the blue part of the sunlight. | The air scatters blue light.
Why does it rain? / Where does the rain come from? | It rains when the drops in a cloud become too heavy to float. | The drops become too heavy.
Why do birds fly south? / Why does the stork fly away in autumn? / Why do storks leave in autumn? | They fly south because they find no food here in winter. | They find no food in winter.
Why does a boat float? / Why do boats float? / Why does a ship float? | A boat floats because it is lighter than the water that it pushes away. | It is lighter than the water.
Why does a lighthouse have a light? / Why do we need a lighthouse? / What is the lighthouse for? / How does a lighthouse work? | The light of the lighthouse shows the ships where the rocks are. | It shows ships the way.
How does a mill work? / How does the mill work? | The water turns the big wheel, the wheel turns the millstone, and the stone grinds the grain. | Water turns the wheel.
How does a sail work? / How does a sailing ship move? / How does a ship sail? | The wind pushes against the sail, and the sail pulls the ship forward. | The wind pushes the sail.
How do bees make honey? / Where does honey come from? | Bees collect the sweet juice of flowers and dry it in the hive until it is honey. | Bees make it from flowers.
Where does milk come from? | Milk comes from cows and goats. | From cows and goats.
Where does wool come from? | Wool comes from sheep. | From sheep.
Where do eggs come from? / Who lays eggs? | Eggs come from hens, and from other birds too. | From hens.
Where does bread come from? / What is bread made of? | Bread is made of flour, water and salt, and baked in an oven. | Flour, water and salt.
Where does flour come from? / What is flour made of? | Flour is made from grain. Oskar grinds it at the mill. | From grain.
What is glass made of? | Glass is made from sand. | Sand.
What is paper made of? | Paper is made from wood. | Wood.
What is a boat made of? / What are boats made of? | Most boats are made of wood. | Wood.
What is a rainbow made of? / When can I see a rainbow? / How does a rainbow come about? | You see a rainbow when the sun shines through the rain. | Sun and rain.
When does the sun rise? / Where does the sun rise? | The sun rises in the morning, in the east. | In the morning, in the east.
When does the sun set? / Where does the sun set? | The sun sets in the evening, in the west. | In the evening, in the west.
When is the market? / When is the market in Ankerwell? / On which day is the market? | The market is on Saturday. | On Saturday.
When does the ferry run? / When can I take the ferry? | The ferry runs from sunrise to sunset. | From sunrise to sunset.
When are apples ripe? / When can I pick apples? | Apples are ripe in autumn. | In autumn.
Why do leaves fall in autumn? / Why do trees lose their leaves? | Trees drop their leaves to save water in winter. | To save water.
Why do we sleep? / Why do I have to sleep? | We sleep so that our body can rest and grow. | To rest.
What causes the tides? / Why is there high tide and low tide? / Why does the sea rise and fall? | The moon pulls the water of the sea, and so it rises and falls twice a day. | The moon.
Why does ice float? | Ice floats because it is lighter than water. | It is lighter than water.
Why do owls hunt at night? | Owls hunt at night because mice come out in the dark. | Mice come out in the dark.
What is the biggest animal? / Which animal is the biggest? / Which animal is the largest? | The whale is the biggest animal that I know. | The whale.
What is the smallest animal? / Which animal is the smallest? | The ant is one of the smallest animals that I know. | The ant.
What is the name of the inn? / What is the inn called? | The inn is called the Silver Herring. | The Silver Herring.
What is the island called? / What is the name of the island? | The island is called Willow Island. | Willow Island.
How many steps does the lighthouse have? / How high is the lighthouse? | The lighthouse has ninety steps. | Ninety steps.
How many arches does the bridge have? | The bridge has three arches. | Three.
What do people do in Ankerwell? / What do people do in the village? | They fish, build boats, bake bread and look at the sea. | They fish and build boats.
What do people eat in Ankerwell? / What is good to eat in Ankerwell? | They eat fresh fish, honey bread and plum cake. | Fish and honey bread.
`,
);

export const why: Topic = (random) => {
  const [asked, assistant = '', brief = ''] = random.pick(reasons);
  return [{ user: random.pick(alternatives(asked)), assistant, brief }];
};
