import { loadSettings, type Settings, type SettingsInput } from '../../src/settings.ts';

/** Settings for tests: a given database, a fixed sealing key, no log, and local doubles reachable. */
export function testSettings(databaseUrl: string, overrides: SettingsInput = {}): Settings {
  return loadSettings(
    {
      log: 'silent',
      allowPrivateNetwork: true,
      ...overrides,
      http: { port: 0, baseUrl: 'http://drawbridge.test', ...overrides.http },
      database: { url: databaseUrl, poolSize: 10, ...overrides.database },
      secrets: {
        sealingKey: Buffer.alloc(32, 7).toString('base64'),
        operatorToken: OPERATOR_TOKEN,
        ...overrides.secrets,
      },
    },
    {},
    'config/none.yaml',
  );
}

export const OPERATOR_TOKEN = 'dbo_operator-token-of-the-tests';
