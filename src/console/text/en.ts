/** Every English text of the console, by screen. */

const session = {
  title: 'Drawbridge console',
  explanation: 'Connect your identity provider, map groups to roles, and see who came and who left.',
  signIn: 'Sign in',
  signOut: 'Sign out',
};

const shell = {
  brand: 'Drawbridge',
  navigation: 'Main',
  openNavigation: 'Open navigation',
  skip: 'Skip to content',
  light: 'Light colours',
  dark: 'Dark colours',
  notFound: 'There is no such page',
  notFoundHint: 'The address may be mistyped, or what it named is gone.',
  home: 'To the overview',
  forbidden: 'This is not for your role',
  forbiddenHint: 'Ask an administrator of your organization for a role that may see it.',
};

const parts = {
  loading: 'Loading',
  retry: 'Try again',
  request: 'Request',
  copy: 'Copy',
  copied: 'Copied',
  never: 'never',
  cancel: 'Cancel',
  close: 'Close',
  more: 'Loading more',
  rows: (count: number) => (count === 1 ? '1 row' : `${count.toLocaleString('en')} rows`),
};

const overview = {
  title: 'Overview',
};

const connections = {
  title: 'Connections',
  lead: 'Identity providers by which your people sign in.',
  name: 'Name',
  kind: 'Protocol',
  state: 'State',
  enabled: 'Enabled',
  disabled: 'Disabled',
  empty: 'No identity provider is connected yet',
  emptyHint: 'Connect one, and your people sign in with the account they already have.',
};

export const en = { session, shell, parts, overview, connections };
