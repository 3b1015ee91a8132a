// Asks V8 to free memory now. The node binding of ONNX Runtime hands out a copy of every output; V8 sees only the small
// objects in front of those copies and would let them pile up for a while.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | undefined;

/** A full collection; a few milliseconds in a job process. */
export function collectGarbage(): void {
  if (!collect) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
}
