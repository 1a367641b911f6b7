/** How long a signed decision counts where its signer says nothing. */
export const DEFAULT_LIFETIME_MS = 60 * 60_000;

/** The longest life of a signed decision: what lies around for longer is no decision of now. */
export const MAX_LIFETIME_MS = 24 * 60 * 60_000;

/** How far clocks may be apart. */
export const CLOCK_TOLERANCE_MS = 60_000;
