/** Look is how the pictures are looked at: which one, and how. Zoom, contrast and inversion act on the screen alone; the bytes stay as they came. */
export class Look {
  at = $state(0);
  zoom = $state<1 | 2 | 4>(1);
  contrast = $state(false);
  invert = $state(false);

  enlarge(): void {
    this.zoom = this.zoom === 1 ? 2 : this.zoom === 2 ? 4 : 1;
  }

  /** turn goes to another picture of the item. */
  turn(by: number, all: number): void {
    if (all > 0) this.at = (this.at + by + all) % all;
  }

  /** reset looks at the next item as at the first; contrast and inversion stay, since they fit the light of the day. */
  reset(): void {
    this.at = 0;
    this.zoom = 1;
  }
}
