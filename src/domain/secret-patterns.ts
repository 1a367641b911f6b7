/** One shape of secret. */
export type SecretPattern = {
  /** Stands in `[redacted: kind]`. */
  readonly kind: string;
  /** Lower case; where none of them is in a text, the pattern is not tried. */
  readonly keywords: readonly string[];
  /** With the flag `g`. Groups 1 and 2, where there are any, stay as they are before and after the redacted part. */
  readonly pattern: RegExp;
  /** A second look at what was found, where the shape alone says too little. */
  readonly isSecret?: (found: string) => boolean;
};

/*
 * Every pattern is linear: it begins where no character of its own class stands before it, and runs of characters are
 * bounded or end at a character that the run cannot hold. Shapes are precise rather than many: an output that is
 * redacted wrongly is an output that the agent cannot work with, and `compensate` gets the redacted one.
 */
const hasDigit = (found: string): boolean => /\d/.test(found);

/**
 * Shapes of secrets that are known by a prefix or a context. Sources: the documentation of the issuers, and the rules of
 * gitleaks and of GitHub's secret scanning, which name them. Shapes without a prefix (a password, 32 hexadecimal digits) cannot be
 * told from ordinary data: such values are found when they are handed in as known secrets.
 */
export const SECRET_PATTERNS: readonly SecretPattern[] = [
  {
    kind: 'aws key',
    keywords: ['akia', 'asia', 'abia', 'acca', 'a3t'],
    pattern: /(?<![A-Za-z0-9])(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Za-z0-9])/g,
  },
  {
    kind: 'aws secret key',
    keywords: ['secret_access_key', 'secretaccesskey'],
    pattern: /(secret_?access_?key["']?\s{0,8}[:=]\s{0,8}["']?)[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])/gi,
  },
  {
    kind: 'azure key',
    keywords: ['accountkey=', 'sharedaccesskey='],
    pattern: /((?:Account|SharedAccess)Key=)[A-Za-z0-9/+]{40,100}={0,2}/gi,
  },
  {
    kind: 'github token',
    keywords: ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_', 'github_pat_'],
    pattern: /(?<![A-Za-z0-9_])(?:gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{22,255})/g,
  },
  {
    kind: 'gitlab token',
    keywords: ['glpat-', 'gldt-', 'glrt-', 'glptt-', 'glcbt-', 'glsoat-', 'glft-', 'glagent-'],
    pattern: /(?<![\w-])gl(?:pat|dt|rt|ptt|cbt|soat|ft|agent)-[\w-]{20,255}/g,
  },
  {
    kind: 'slack token',
    keywords: ['xox', 'xapp-'],
    pattern: /(?<![\w-])(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{10,255}/g,
    isSecret: hasDigit,
  },
  {
    kind: 'slack webhook',
    keywords: ['hooks.slack.com'],
    pattern: /(hooks\.slack\.com\/(?:services|workflows|triggers)\/)[A-Za-z0-9+/]{20,255}/g,
  },
  {
    kind: 'api key',
    keywords: ['sk-'],
    pattern: /(?<![\w-])sk-(?:(?:proj|svcacct|admin|ant|or|lf)-[\w-]{16,255}|[A-Za-z0-9]{20,255})/g,
    isSecret: hasDigit,
  },
  {
    kind: 'stripe key',
    keywords: ['sk_live', 'sk_test', 'rk_live', 'rk_test', 'whsec_'],
    pattern: /(?<![A-Za-z0-9_])(?:[sr]k_(?:live|test)_[A-Za-z0-9]{10,255}|whsec_[A-Za-z0-9+/]{20,255}={0,2})/g,
  },
  {
    kind: 'google key',
    keywords: ['aiza', 'gocspx-', 'ya29.'],
    pattern: /(?<![\w.-])(?:AIza[\w-]{35}|GOCSPX-[\w-]{28}|ya29\.[\w-]{20,2048})/g,
  },
  { kind: 'npm token', keywords: ['npm_'], pattern: /(?<![A-Za-z0-9_])npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])/g },
  { kind: 'pypi token', keywords: ['pypi-ag'], pattern: /(?<![\w-])pypi-Ag[\w-]{50,1000}/g },
  { kind: 'docker token', keywords: ['dckr_pat_'], pattern: /(?<![\w-])dckr_pat_[\w-]{20,255}/g },
  { kind: 'hugging face token', keywords: ['hf_'], pattern: /(?<![A-Za-z0-9_])hf_[A-Za-z0-9]{34}(?![A-Za-z0-9])/g },
  { kind: 'sendgrid key', keywords: ['sg.'], pattern: /(?<![\w.-])SG\.[\w-]{20,24}\.[\w-]{39,50}/g },
  { kind: 'twilio key', keywords: ['sk'], pattern: /(?<![A-Za-z0-9])SK[0-9a-f]{32}(?![A-Za-z0-9])/g },
  { kind: 'telegram token', keywords: [':aa'], pattern: /(?<![\w:])\d{8,12}:AA[\w-]{32,34}(?![\w-])/g },
  {
    kind: 'digitalocean token',
    keywords: ['dop_v1_', 'doo_v1_', 'dor_v1_'],
    pattern: /(?<![A-Za-z0-9_])do[opr]_v1_[a-f0-9]{64}/g,
  },
  {
    kind: 'shopify token',
    keywords: ['shpat_', 'shpca_', 'shppa_', 'shpss_'],
    pattern: /(?<![A-Za-z0-9_])shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}/g,
  },
  {
    kind: 'databricks token',
    keywords: ['dapi'],
    pattern: /(?<![A-Za-z0-9_])dapi[a-f0-9]{32}(?:-\d)?(?![A-Za-z0-9])/g,
  },
  { kind: 'vault token', keywords: ['hvs.', 'hvb.', 'hvr.'], pattern: /(?<![\w.-])hv[sbr]\.[\w-]{24,300}/g },
  { kind: 'age key', keywords: ['age-secret-key-1'], pattern: /(?<![\w-])AGE-SECRET-KEY-1[A-Z0-9]{58}/gi },
  { kind: 'jwt', keywords: ['eyj'], pattern: /(?<![\w-])eyJ[\w-]{10,4096}\.eyJ[\w-]{10,8192}\.[\w-]{0,2048}/g },
  {
    kind: 'credentials',
    keywords: ['authorization'],
    pattern:
      /(authorization["']?\s{0,8}[:=]\s{0,8}["']?(?:basic|digest|token|negotiate)\s{1,8})[A-Za-z0-9._~+/-]{8,4096}={0,2}/gi,
  },
  {
    kind: 'bearer token',
    keywords: ['bearer'],
    pattern: /(?<![A-Za-z0-9])(bearer\s{1,8})[A-Za-z0-9._~+/-]{16,8192}={0,2}/gi,
    isSecret: hasDigit,
  },
  { kind: 'password', keywords: ['://'], pattern: /(:\/\/[^\s/?#:@"'<>\\]{0,256}:)[^\s/?#"'<>\\]{1,256}(@)/g },
  {
    kind: 'token',
    keywords: ['access_token=', 'refresh_token=', 'id_token=', 'client_secret=', 'api_key=', 'apikey=', 'password='],
    pattern: /([?&](?:access_token|refresh_token|id_token|client_secret|api_?key|password)=)[^\s&#"'<>\\]{4,4096}/gi,
  },
];
