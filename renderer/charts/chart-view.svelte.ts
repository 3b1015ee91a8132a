// What all charts of a screen share, so that they are read as one: the axis, smoothing, the visible part, the crosshair.
import type { XAxis } from './curves.ts';
import type { Range } from './thin.ts';

export class ChartView {
  axis = $state<XAxis>('step');
  /** 0 draws what was measured, see spanOf. */
  smoothing = $state(0.4);
  log = $state(false);
  /** The part that was zoomed into; null shows all. */
  zoom = $state.raw<Range | null>(null);
  /** Place on the axis that the pointer is at; null while it is elsewhere. */
  cursor = $state<number | null>(null);

  /** Another axis has other numbers: the zoomed part means nothing there. */
  setAxis(axis: XAxis): void {
    this.axis = axis;
    this.zoom = null;
    this.cursor = null;
  }
}
