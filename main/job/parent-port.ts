// The channel of a process of ours to whoever started it.

export type Port<Message> = {
  post: (message: Message) => void;
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
      listen: (onMessage) => {
        electron.on('message', ({ data }) => {
          onMessage(data);
        });
      },
    };
  if (!process.send) throw new Error('this process was started without a channel to its parent');
  return {
    post: (message) => {
      if (process.connected) process.send?.(message);
    },
    listen: (onMessage) => {
      process.on('message', onMessage);
    },
  };
}
