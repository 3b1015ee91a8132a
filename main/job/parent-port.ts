// The channel of a process of ours to whoever started it.

export type Port<Message> = {
  post: (message: Message) => void;
  /** Fulfilled once everything posted so far is out of this process: closing the channel drops what is not. */
  flushed: () => Promise<void>;
  listen: (onMessage: (message: unknown) => void) => void;
};

/** A fork's channel, or Electron's for a utilityProcess. */
export function parentPort<Message>(): Port<Message> {
  const electron = (
    process as {
      parentPort?: { postMessage(m: unknown): void; on(e: 'message', f: (m: { data: unknown }) => void): void };
    }
  ).parentPort;
  if (electron)
    return {
      post: (message) => {
        electron.postMessage(message);
      },
      flushed: () => Promise.resolve(),
      listen: (onMessage) => {
        electron.on('message', ({ data }) => {
          onMessage(data);
        });
      },
    };
  if (!process.send) throw new Error('this process was started without a channel to its parent');
  let last = Promise.resolve();
  return {
    post: (message) => {
      if (!process.connected) return;
      last = new Promise((sent) => {
        // The error of a parent that is gone is told by "disconnect".
        process.send?.(message, undefined, undefined, () => sent());
      });
    },
    flushed: () => last,
    listen: (onMessage) => {
      process.on('message', onMessage);
    },
  };
}
