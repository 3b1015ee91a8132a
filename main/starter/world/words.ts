// Small word lists: opposites, calendar, numbers, and words from outside the village.

export const opposites: [string, string][] = [
  ['big', 'small'],
  ['hot', 'cold'],
  ['high', 'low'],
  ['long', 'short'],
  ['old', 'young'],
  ['wet', 'dry'],
  ['fast', 'slow'],
  ['loud', 'quiet'],
  ['light', 'dark'],
  ['heavy', 'light'],
  ['full', 'empty'],
  ['hard', 'soft'],
  ['near', 'far'],
  ['early', 'late'],
  ['happy', 'sad'],
  ['open', 'closed'],
  ['deep', 'shallow'],
  ['wide', 'narrow'],
  ['strong', 'weak'],
  ['clean', 'dirty'],
  ['left', 'right'],
  ['up', 'down'],
  ['day', 'night'],
  ['summer', 'winter'],
  ['north', 'south'],
  ['east', 'west'],
  ['good', 'bad'],
  ['rich', 'poor'],
  ['thick', 'thin'],
  ['brave', 'afraid'],
  ['new', 'old'],
  ['first', 'last'],
  ['inside', 'outside'],
  ['sweet', 'sour'],
  ['smooth', 'rough'],
  ['warm', 'cool'],
];

/** Each word with its only opposite; words that would have two ("old", "light") keep the first. */
export const oppositeOf: Map<string, string> = new Map(
  [...opposites].reverse().flatMap(
    ([a, b]) =>
      [
        [b, a],
        [a, b],
      ] as [string, string][],
  ),
);

export const weekdays = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];
export const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
export const seasonOfMonth = [
  'winter',
  'winter',
  'spring',
  'spring',
  'spring',
  'summer',
  'summer',
  'summer',
  'autumn',
  'autumn',
  'autumn',
  'winter',
];
export const numberWords = [
  'zero',
  'one',
  'two',
  'three',
  'four',
  'five',
  'six',
  'seven',
  'eight',
  'nine',
  'ten',
  'eleven',
  'twelve',
  'thirteen',
  'fourteen',
  'fifteen',
  'sixteen',
  'seventeen',
  'eighteen',
  'nineteen',
  'twenty',
];
export const colours = [
  'red',
  'blue',
  'green',
  'yellow',
  'white',
  'black',
  'brown',
  'grey',
  'orange',
  'purple',
  'pink',
];

/** Words from far outside the village: the honest answer to questions about them is that it does not know. */
export const foreignThings =
  'computer telephone rocket aeroplane television robot satellite atom molecule planet galaxy elephant tiger kangaroo penguin giraffe crocodile dinosaur volcano desert jungle pyramid skyscraper subway motorbike car tractor guitar piano drum trumpet hamburger banana pineapple engine battery magnet laser microscope camera radio website program algorithm database keyboard virus vaccine gene protein electron equation triangle fraction parliament president election bank tax contract passport visa currency dollar black-hole smartphone laptop train bus mango submarine helicopter zebra shark dolphin snake tornado castle museum hospital university fridge neural-network language-model'
    .split(' ')
    .map((word) => word.replace('-', ' '));
export const foreignSubjects =
  'football tennis chess basketball pizza sushi chocolate coffee gravity democracy religion philosophy psychology chemistry physics biology quantum-mechanics blockchain software mathematics geography electricity bitcoin opera yoga Python JavaScript machine-learning artificial-intelligence TypeScript'
    .split(' ')
    .map((word) => word.replace('-', ' '));
export const foreignPlaces =
  'France Germany Spain Italy Japan China India Brazil Canada Mexico Egypt Kenya Australia Norway Greece Russia Turkey Peru Poland Portugal Ireland London Paris Berlin Rome Madrid Tokyo Moscow New-York Chicago Vienna Athens Cairo Sydney Oslo Dublin Lisbon Prague Africa Europe Asia America'
    .split(' ')
    .map((word) => word.replace('-', ' '));
export const foreignPeople = [
  'Einstein',
  'Mozart',
  'Shakespeare',
  'Napoleon',
  'Newton',
  'Picasso',
  'Beethoven',
  'Cleopatra',
  'Columbus',
  'Darwin',
  'Gandhi',
  'Goethe',
  'Caesar',
  'Plato',
  'Edison',
  'Marie Curie',
  'Albert Einstein',
  'Isaac Newton',
];
