// The places of Ankerwell, in words that fit behind "the".

import { table } from './table.ts';

export type Place = {
  name: string;
  /** "in the forest", "at the inn". */
  at: string;
  what: string;
  /** Where it is: follows "is". */
  where: string;
  /** What one can do there: follows "you can". */
  can: string;
  detail: string;
};

/** Name, preposition, what it is, where, what one can do there, a detail. */
const rows = table(
  6,
  `
harbour | at | a safe place for ships and boats | at the mouth of the river | watch the boats come in | It smells of salt, tar and fresh fish.
lighthouse | at | a tall tower with a bright light that shows ships the way | on the rocks at the end of the pier | climb ninety steps and look far over the sea | Its walls are painted red and white.
mill | at | a house where grain is ground into flour | beside the stream above the village | listen to the big wheel | The wooden wheel turns day and night.
bakery | at | a shop where bread is baked | on the market square | buy warm bread early in the morning | You can smell the bread from far away.
bridge | on | a way across the river | in the middle of the village | look down at the trout | It is built of grey stone and has three arches.
ferry landing | at | the place where the ferry stops | below the bridge | take the ferry to the other bank | A small bell hangs there, and you ring it when you want to cross.
market square | on | an open place with many stalls | in front of the church | buy apples, fish and flowers | The market is on Saturday.
church | in | a quiet house with a tall tower | beside the market square | listen to the bells | Bats live in its tower.
school | at | a house where children learn | behind the church | learn to read and count | It has one room and a green door.
forge | at | the workshop of the smith | near the boat yard | watch the sparks fly | The fire is hot and the hammer is loud.
boat yard | at | a place where boats are built | next to the harbour | see how a boat is made | The ground is covered with wood shavings.
inn | at | a house where guests eat and sleep | by the harbour | eat soup and listen to music | Its name is the Silver Herring.
beach | on | a long strip of sand | behind the lighthouse | look for shells | The sand is pale and soft.
forest | in | a place with very many trees | behind the hill | find mushrooms and berries | It is cool and green there in summer.
hill | on | a high piece of land | east of the village | see the river, the roofs and the sea | Sheep walk there from spring to autumn.
meadow | on | a field of grass and flowers | between the river and the forest | hear the bees | Poppies and clover grow there.
mill pond | at | a small and quiet lake | behind the mill | watch the ducks | Frogs sing there on warm evenings.
island | on | a piece of land with water all around it | in the middle of the river | have a picnic under the willows | It is called Willow Island, and nobody lives there.
post office | at | the place where letters come and go | beside the bridge | send a letter | A big blue box stands in front of it.
clock shop | in | a small shop full of clocks | on the market square | hear a hundred clocks tick | All its clocks strike at the same time.
waterfall | at | a place where the river falls over rocks | an hour up the river | see the salmon jump | It is loud and the air is full of mist.
village garden | in | a garden for everyone | behind the school | pick a tomato | Beans, roses and carrots grow side by side.
`,
);

export const places: Place[] = rows.map(
  ([name = '', preposition = '', what = '', where = '', can = '', detail = '']) => ({
    name,
    at: `${preposition} the ${name}`,
    what,
    where,
    can,
    detail,
  }),
);
