/** What of a server and a database matters to the control store. */
export type ServerFacts = {
  /** As `server_version_num`: 150004. */
  readonly version: number;
  readonly shown: string;
  readonly encoding: string;
};

const OLDEST = 15;

/** Why the control store cannot use a database; undefined when it can. */
export const whyUnfit = ({ version, shown, encoding }: ServerFacts): string | undefined => {
  if (version < OLDEST * 10_000) {
    return `the control store needs PostgreSQL ${OLDEST} or later; this server is ${shown}`;
  }
  return encoding === 'UTF8'
    ? undefined
    : `the control store needs a database with the encoding UTF8; this one has ${encoding}`;
};
