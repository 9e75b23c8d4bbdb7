/** How long to use a lower transport before the better ones are tried again, in ms. */
export interface UpgradeTimes {
  /** If a better one has worked before: probably it was an outage, not a firewall. */
  readonly known: number;
  /** If none of the better ones has worked. */
  readonly unknown: number;
  /** The upper bound; the wait doubles up to it. */
  readonly most: number;
}

/** The default: 10 s, a minute, ten minutes. */
export const UPGRADE_TIMES: UpgradeTimes = { known: 10_000, unknown: 60_000, most: 600_000 };
