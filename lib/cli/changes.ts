// Waiting for counts to become what they should be.

const TICK_MS = 5;

/** Tells whoever waits that something has changed. One waits at a time. */
export class Changes {
  #onChange: () => void = () => undefined;

  /** Something has changed. Costs next to nothing: it is called for every connection. */
  notify(): void {
    this.#onChange();
  }

  /**
   * Waits until `reached` is true, which is asked at every change and now and then.
   *
   * @param quietMs - Longest time without any change.
   * @param tick - Called every few milliseconds meanwhile.
   * @returns false: nothing has changed for so long that nothing will.
   */
  async until(reached: () => boolean, quietMs: number, tick: () => void = () => undefined): Promise<boolean> {
    if (reached()) return true;
    return new Promise((resolve) => {
      let changed = true;
      let changedAtMs = 0;
      const end = (outcome: boolean): void => {
        clearInterval(timer);
        this.#onChange = () => undefined;
        resolve(outcome);
      };
      const timer = setInterval(() => {
        tick();
        if (changed) changedAtMs = performance.now();
        changed = false;
        if (reached()) end(true);
        else if (performance.now() - changedAtMs > quietMs) end(false);
      }, TICK_MS);
      this.#onChange = () => {
        changed = true;
        if (reached()) end(true);
      };
    });
  }
}
