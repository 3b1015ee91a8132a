// How a test talks with the double of Electron, over the channel of the process: it hears what a person would see of the
// system (dialogs, notices, the tray), answers dialogs, and does what a person does outside of the page.
const commands = new Map();
const waiting = new Map();
let asked = 0;

/** Tells the test what the system would show. */
export function report(name, detail) {
  process.send?.({ name, detail });
}

/** Asks the test what the person answers. */
export function askPerson(name, detail) {
  const id = ++asked;
  process.send?.({ name, detail, id });
  return new Promise((answered) => waiting.set(id, answered));
}

/** What the test can have done, by name; what it returns is the answer. */
export function onCommand(name, act) {
  commands.set(name, act);
}

process.on('message', async ({ answerTo, value, command, detail, id }) => {
  if (answerTo !== undefined) {
    waiting.get(answerTo)?.(value);
    waiting.delete(answerTo);
    return;
  }
  try {
    process.send?.({ resultOf: id, value: await commands.get(command)(detail ?? {}) });
  } catch (error) {
    process.send?.({ resultOf: id, error: String(error) });
  }
});
process.on('disconnect', () => process.exit(1));
