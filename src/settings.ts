/**
 * Typed settings: `config/drawbridge.yaml` (optional), overridden by the environment. All problems are reported together.
 */
import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { Fault } from './errors.ts';
import { givenSecrets, resolveSecrets, type Secrets } from './secrets.ts';

/** Yes or no, in a file or as a word in the environment. */
const flag = z.union([z.boolean(), z.stringbool()]);

/** The server that takes our mail. A password leaves only under TLS. */
const mailServer = z
  .strictObject({
    host: z.string().min(1),
    port: z.coerce.number().int().min(1).max(65535).optional(),
    tls: z.enum(['starttls', 'implicit', 'none']).default('starttls'),
    user: z.string().optional(),
    password: z.string().optional(),
    /** Who it is from: an address, or a name and an address. */
    from: z.string().min(3),
    /** PEM; where the server's certificate is signed by nobody whom the machine trusts. */
    caCertificate: z.string().optional(),
  })
  .refine(({ tls, password }) => tls !== 'none' || password === undefined, {
    message: 'a password is not sent without TLS',
    path: ['tls'],
  });
export type MailServer = z.output<typeof mailServer>;

const settingsFile = z.strictObject({
  http: z
    .strictObject({
      port: z.coerce.number().int().min(0).max(65535).default(4400),
      host: z.string().default('127.0.0.1'),
      baseUrl: z.url({ protocol: /^https?$/ }).optional(),
      trustProxy: flag.default(false),
    })
    .prefault({}),
  database: z
    .strictObject({
      url: z.string().optional(),
      ownerUrl: z.string().optional(),
      applicationRole: z
        .string()
        .regex(/^[a-z_][a-z0-9_]{0,62}$/)
        .default('drawbridge_app'),
      dataFolder: z.string().default('./data'),
      poolSize: z.coerce.number().int().min(2).max(200).default(10),
    })
    .prefault({}),
  secrets: givenSecrets.prefault({}),
  scim: z
    .strictObject({
      /** How often each directory's token may ask, all instances together. */
      requestsPerMinute: z.coerce.number().int().min(1).default(30_000),
    })
    .prefault({}),
  mail: mailServer.optional(),
  metrics: z
    .strictObject({
      /** Lets its bearer read /metrics and nothing else; the operator's token does as well. */
      token: z.string().min(24, 'must be at least 24 characters').optional(),
    })
    .prefault({}),
  audit: z
    .strictObject({
      /** How long audit events are kept, where an organization has no retention of its own; for ever if left out. */
      retentionMonths: z.coerce.number().int().min(6).max(1200).optional(),
    })
    .prefault({}),
  sources: z
    .strictObject({
      /** How long a source that is pulled may take to answer, and may pause within a long answer. */
      timeoutSeconds: z.coerce.number().min(0.1).max(3600).default(60),
      /** How long one long answer may take in all, however steadily it comes. */
      downloadSeconds: z.coerce.number().min(0.1).max(86_400).default(3600),
      /** How often it is asked for the same thing in all, before it is told that it does not answer. */
      tries: z.coerce.number().int().min(1).max(20).default(6),
    })
    .prefault({}),
  modelsFolder: z.string().default('./config/models'),
  log: z.enum(['silent', 'error', 'warn', 'info', 'debug']).default('info'),
  /** Outbound calls may reach loopback and private addresses; for the demo and tests only. */
  allowPrivateNetwork: flag.default(false),
});

export type SettingsInput = z.input<typeof settingsFile>;

export interface Settings extends Omit<z.output<typeof settingsFile>, 'secrets' | 'http'> {
  readonly http: z.output<typeof settingsFile>['http'] & { readonly baseUrl: string };
  readonly secrets: Secrets;
}

const ENVIRONMENT: ReadonlyArray<[variable: string, path: [string, string] | [string]]> = [
  ['PORT', ['http', 'port']],
  ['HOST', ['http', 'host']],
  ['DRAWBRIDGE_BASE_URL', ['http', 'baseUrl']],
  ['DRAWBRIDGE_TRUST_PROXY', ['http', 'trustProxy']],
  ['DATABASE_URL', ['database', 'url']],
  ['DATABASE_OWNER_URL', ['database', 'ownerUrl']],
  ['DRAWBRIDGE_APPLICATION_ROLE', ['database', 'applicationRole']],
  ['DRAWBRIDGE_DATA', ['database', 'dataFolder']],
  ['DRAWBRIDGE_SEALING_KEY', ['secrets', 'sealingKey']],
  ['DRAWBRIDGE_SEALING_KEY_FILE', ['secrets', 'sealingKeyFile']],
  ['DRAWBRIDGE_SEALING_KEY_COMMAND', ['secrets', 'sealingKeyCommand']],
  ['DRAWBRIDGE_APPLICATION_PASSWORD', ['secrets', 'applicationPassword']],
  ['DRAWBRIDGE_OPERATOR_TOKEN', ['secrets', 'operatorToken']],
  ['DRAWBRIDGE_SCIM_PER_MINUTE', ['scim', 'requestsPerMinute']],
  ['DRAWBRIDGE_SMTP_HOST', ['mail', 'host']],
  ['DRAWBRIDGE_SMTP_PORT', ['mail', 'port']],
  ['DRAWBRIDGE_SMTP_TLS', ['mail', 'tls']],
  ['DRAWBRIDGE_SMTP_USER', ['mail', 'user']],
  ['DRAWBRIDGE_SMTP_PASSWORD', ['mail', 'password']],
  ['DRAWBRIDGE_SMTP_FROM', ['mail', 'from']],
  ['DRAWBRIDGE_METRICS_TOKEN', ['metrics', 'token']],
  ['DRAWBRIDGE_AUDIT_RETENTION_MONTHS', ['audit', 'retentionMonths']],
  ['DRAWBRIDGE_MODELS', ['modelsFolder']],
  ['DRAWBRIDGE_ALLOW_PRIVATE_NETWORK', ['allowPrivateNetwork']],
  ['LOG_LEVEL', ['log']],
];

/**
 * Reads the settings.
 * @param overrides values that win over file and environment (used by tests and the demo)
 * @throws Fault `invalid-settings`, naming every wrong setting at once
 */
export function loadSettings(
  overrides: SettingsInput = {},
  environment: NodeJS.ProcessEnv = process.env,
  file = 'config/drawbridge.yaml',
): Settings {
  const raw = merge(merge(readFile(file), fromEnvironment(environment)), overrides as Tree);
  const parsed = settingsFile.safeParse(raw);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${nameOf(issue.path)}: ${issue.message}`);
    throw new Fault('invalid-settings', `Wrong settings: ${problems.join('; ')}.`, {
      remedy: `Correct them in ${file} or in the environment.`,
    });
  }
  const { secrets, http, ...rest } = parsed.data;
  return {
    ...rest,
    http: { ...http, baseUrl: (http.baseUrl ?? `http://localhost:${http.port}`).replace(/\/$/, '') },
    secrets: resolveSecrets(secrets, rest.database),
  };
}

/** The environment's variables, for `${NAME}` in organization as code. */
export function environmentVariables(): Readonly<Record<string, string | undefined>> {
  return process.env;
}

type Tree = { [key: string]: unknown };

function readFile(file: string): Tree {
  if (!existsSync(file)) return {};
  try {
    return (parse(readFileSync(file, 'utf8')) ?? {}) as Tree;
  } catch (cause) {
    throw new Fault('invalid-settings', `The settings file ${file} is not readable as YAML.`, { cause });
  }
}

function fromEnvironment(environment: NodeJS.ProcessEnv): Tree {
  const tree: Tree = {};
  for (const [variable, [section, key]] of ENVIRONMENT) {
    const value = environment[variable];
    if (value === undefined || value === '') continue;
    if (key === undefined) tree[section] = value;
    else tree[section] = { ...(tree[section] as Tree | undefined), [key]: value };
  }
  return tree;
}

function merge(base: Tree, over: Tree): Tree {
  const merged: Tree = { ...base };
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined) continue;
    const below = merged[key];
    merged[key] = isTree(below) && isTree(value) ? merge(below, value) : value;
  }
  return merged;
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function nameOf(path: ReadonlyArray<PropertyKey>): string {
  const variable = ENVIRONMENT.find(([, target]) => target.join('.') === path.join('.'))?.[0];
  return variable ? `${path.join('.')} (${variable})` : path.join('.') || 'settings';
}
