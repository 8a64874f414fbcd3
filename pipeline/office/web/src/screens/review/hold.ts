/** endOfHold is the instant at which a hold of so many days ends: shortly before the Brussels midnight that bounds it. */
export function endOfHold(days: number, now: number, decideBy: number): Date {
  const until = now + days * 86_400_000 - 60_000;
  return new Date(decideBy ? Math.min(until, decideBy) : until);
}
