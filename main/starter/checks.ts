// What the finished starter model is asked, and what its greedy answer has to contain. Shown at the end of a build and
// asserted by a test; the numbers, names and sums here come from the tables by hand.

import { table } from './world/table.ts';

export type Check = { prompt: string; expected: RegExp };

export const checks: Check[] = table(
  2,
  `
Hello! | ^Hello!
Who are you? | small language model
What can you do? | stories
Thank you! | welcome
What is an otter? | mammal .*fish and crabs
What does a heron eat? | fish and frogs
Where does a gull live? | cliffs
Can a hen swim? | ^No
Can a duck swim? | ^Yes
What colour is a kingfisher? | blue
Is a salmon a fish? | ^Yes
How many legs does a crab have? | eight
Name three birds. | ^Three birds are (\\w+ \\w+, \\w+ \\w+ and \\w+ \\w+)\\.
Who is Mara? | ferry keeper
What does Hugo do? | smith
Where does Tilda work? | bakery
What is the name of Piet's horse? | Stamp
Who is the baker? | Tilda
What is an anchor? | iron hook
What is bread? | flour
What is a storm? | wind
Where is the mill? | stream
What can I do at the harbour? | boats
What is the opposite of hot? | cold
Which day comes after Monday? | Tuesday
What is 2 plus 3? | \\b5\\b
What is 4 + 4? | \\b8\\b
How much is 9 minus 4? | \\b5\\b
Count from 1 to 5. | 1, 2, 3, 4, 5
How do I bake bread? | flour
Why is the sea salty? | salt
Tell me a story about a fox. | fox .*\\.$
Write a poem about a star. | star
What is the capital of France? | not know
What is a computer? | not know
My name is Clara. | Clara
Anna has a red hat. Tom has a blue hat. What colour is Tom's hat? | blue
`,
).map(([prompt = '', expected = '']) => ({ prompt, expected: new RegExp(expected, 's') }));
