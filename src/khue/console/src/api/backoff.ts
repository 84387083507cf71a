/**
 * Milliseconds to wait before attempt number `attempt` (0 is the first retry): exponential with full jitter, so that a
 * thousand browsers do not come back to a restarted centre in the same instant.
 */
export function backoffMs(
  attempt: number,
  random: () => number = Math.random,
  first = 400,
  most = 15_000,
): number {
  const ceiling = Math.min(most, first * 2 ** Math.min(attempt, 16));
  return Math.round(100 + random() * (ceiling - 100));
}
