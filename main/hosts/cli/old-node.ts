// An older Node ends with a segmentation fault when SQLite is opened; it is refused in words before that.

/** Node-API version that better-sqlite3 13 needs: Node 22.14 and newer have it. */
const NODE_API = 10;

/** What to say to whoever runs this Node; undefined where it is new enough. */
export function oldNode(versions: { node: string; napi?: string } = process.versions): string | undefined {
  if (Number(versions.napi) >= NODE_API) return undefined;
  return `Lorelei needs Node 22.14 or newer, and this is ${versions.node}. Install the current LTS release of Node, or start it with "npm run lorelei", which uses the Node that was installed with it.`;
}
