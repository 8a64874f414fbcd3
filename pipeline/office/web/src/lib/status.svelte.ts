/** Status is what the line at the bottom says: the number of the newest log entry of this page, or that something was done. */
class Status {
  seq = $state<number | undefined>();
  /** said is the newest result of an act; it is read out once, politely. */
  said = $state('');

  /** say tells what was done. */
  say(text: string): void {
    this.said = text;
  }

  /** noteLog takes the number of a log entry; undefined leaves the line as it is. */
  noteLog(seq: number | undefined): void {
    if (seq !== undefined) this.seq = seq;
  }

  clear(): void {
    this.seq = undefined;
    this.said = '';
  }
}

export const status = new Status();
