// Runs a graph's memory trace on an allocator of blocks that hold nothing.
import { type DimBindings, evaluateDim } from '../engine/graph/dims.ts';
import type { MemoryTrace } from '../engine/graph/memory-trace.ts';

export type Allocator<Block> = {
  allocate(bytes: number): Block;
  free(block: Block): void;
  /** Called after each node. */
  afterNode?(): void;
};

/** The blocks that are still held at the end, which are those of the outputs. */
export function replayTrace<Block>(trace: MemoryTrace, bindings: DimBindings, allocator: Allocator<Block>): Block[] {
  const sizes = trace.buffers.map((bytes) => Math.ceil(evaluateDim(bytes, bindings)));
  const held = new Map<number, Block>();
  for (const { take, workspaceBytes, give } of trace.steps) {
    for (const id of take) held.set(id, allocator.allocate(sizes[id] ?? 0));
    const workspace = evaluateDim(workspaceBytes, bindings);
    if (workspace > 0) allocator.free(allocator.allocate(workspace));
    allocator.afterNode?.();
    for (const id of give) {
      const block = held.get(id);
      if (block !== undefined) allocator.free(block);
      held.delete(id);
    }
  }
  return [...held.values()];
}
