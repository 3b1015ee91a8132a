// Loaded first in a child that stands in for a utility process: gives it Electron's port and takes Node's away, so that
// what works here cannot depend on being a fork. A utility process ends with its app.
import { EventEmitter } from 'node:events';

const send = process.send.bind(process);
const port = Object.assign(new EventEmitter(), { postMessage: (message) => void send(message) });
process.on('message', (data) => port.emit('message', { data, ports: [] }));
process.on('disconnect', () => process.exit(1));
process.parentPort = port;
for (const name of ['send', 'disconnect', 'connected', 'channel'])
  Object.defineProperty(process, name, { value: undefined, configurable: true });
