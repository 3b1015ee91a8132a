// Gives a forked child what Electron gives a utility process: process.parentPort instead of Node's own channel.
import { EventEmitter } from 'node:events';

const send = process.send.bind(process);
process.parentPort = Object.assign(new EventEmitter(), { postMessage: (message) => void send(message) });
process.on('message', (data) => process.parentPort.emit('message', { data }));
process.on('disconnect', () => process.exit(0)); // they end with the app
process.send = undefined;
