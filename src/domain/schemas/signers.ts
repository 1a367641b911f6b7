import { z } from 'zod';

const Name = z
  .string()
  .trim()
  .min(1)
  .max(200)
  // oxlint-disable-next-line no-control-regex -- control characters are what a name may not have
  .regex(/^[^\u0000-\u001F\u007F-\u009F]*$/, 'a name has no control characters');

const Names = z.array(Name).max(100);

const KeyFile = z.strictObject({ file: z.string().min(1).describe('Relative to the folder of the configuration') });

const Jwk = z
  .looseObject({ kty: z.enum(['OKP', 'EC', 'RSA'], 'expected a public key that signs: kty OKP, EC or RSA') })
  .check(({ value, issues }) => {
    // A secret in a configuration is read by more people than one thinks.
    if ('d' in value) {
      issues.push({
        code: 'custom',
        message: 'this is the private key; make a new one, and put only the public half of it here',
        path: ['d'],
        input: undefined,
      });
    }
  });

/** Fetching keys in the clear would let anybody on the way put theirs in. */
const isSafe = (text: string): boolean => {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
  return (protocol === 'https:' || (protocol === 'http:' && isLocal)) && username === '' && password === '';
};

const KeysUrl = z
  .url('expected an address such as https://sso.example.com/keys, or { "file": … }')
  .max(2_000)
  .refine(isSafe, 'expected https:// without user and password; http:// is for localhost only');

/** Whose key it is: it speaks for one subject. */
const PersonSigner = z.strictObject({
  issuer: Name,
  publicKey: z
    .union([KeyFile, Jwk], 'expected a public JWK, or { "file": … } of a JWK or PEM file')
    .describe('The public half of the key'),
  subject: Name.optional().describe('Who decides with this key; by default the issuer'),
  roles: Names.optional().describe('What the subject is; what a token says of roles is not read'),
  tenant: Name.optional().describe('Only about tasks of this tenant'),
});

/** A service whose tokens name who decided, and as what. */
const ServiceSigner = z
  .strictObject({
    issuer: Name,
    jwks: z.union([KeysUrl, KeyFile]).describe('Its public keys'),
    rolesClaim: Name.default('roles').describe('The claim that holds the roles of the subject'),
    tenant: Name.optional().describe('Only about tasks of this tenant'),
    tenantClaim: Name.optional().describe('The claim that holds the tenant of the subject'),
    agents: Names.optional().describe('Subjects that are no people: they never decide. * stands for anything'),
  })
  .refine(({ tenant, tenantClaim }) => tenant === undefined || tenantClaim === undefined, {
    path: ['tenantClaim'],
    message: 'give tenant or tenantClaim, not both',
  });

/** `approvals.signers` of a configuration: whose signature counts. */
export const Signers = z
  .array(z.union([PersonSigner, ServiceSigner], 'expected issuer with either publicKey (a person) or jwks (a service)'))
  .max(100)
  .check(({ value, issues }) => {
    for (const [index, { issuer }] of value.entries()) {
      if (value.findIndex((each) => each.issuer === issuer) === index) continue;
      const message = `the issuer ${JSON.stringify(issuer)} stands twice`;
      issues.push({ code: 'custom', message, path: [index, 'issuer'], input: issuer });
    }
  });
/** Whose signature counts, as configured. */
export type SignerConfig = z.infer<typeof Signers>[number];

/** A principal as the host knows it. */
const Principal = z.strictObject({
  roles: Names.optional(),
  tenant: Name.optional(),
  agent: z.boolean().optional().describe('No person: it never decides, whoever signs for it'),
});

/** What a host says of a principal; null: there is no such. */
export type KnownPrincipal = {
  readonly roles?: readonly string[] | undefined;
  readonly tenant?: string | undefined;
};

/** The host's own directory. `claimed` is what the specification says. */
export type PrincipalLookup = (
  id: string,
  claimed: KnownPrincipal,
) => KnownPrincipal | null | Promise<KnownPrincipal | null>;

/** What a lookup may answer. */
export const LookedUp = z.object({ roles: Names.optional(), tenant: Name.optional() }).nullable();

const Lookup = z.custom<PrincipalLookup>().check(({ value, issues }) => {
  if (typeof value !== 'function') issues.push({ code: 'invalid_type', expected: 'function', input: value });
});

/** `principals` of a configuration: who there is, by id, or (in code) a function that says so. */
export const Principals = z.union(
  [z.record(Name, Principal), Lookup],
  'expected principals by id: { ana: { roles: […], tenant: … } }, or in code a function',
);
/** Who there is, as configured. */
export type PrincipalsConfig = z.infer<typeof Principals>;
