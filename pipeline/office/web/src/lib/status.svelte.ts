/** Status is what the line at the bottom says: the number of the newest log entry of this page, or that something was done. */
class Status {
  seq = $state<number | undefined>();

  /** noteLog takes the number of a log entry; undefined leaves the line as it is. */
  noteLog(seq: number | undefined): void {
    if (seq !== undefined) this.seq = seq;
  }

  clear(): void {
    this.seq = undefined;
  }
}

export const status = new Status();
