/** Which passwords will do (NIST SP 800-63B): long enough, not commonly used, not one's own address; no rules of composition. Pure. */
import { Fault } from '../../errors.ts';

const SHORTEST = 12;
const LONGEST = 256;

/** What is guessed first, of those that are long enough; anything made of few characters only is refused by itself. */
const COMMON = [
  'password1234',
  'passwordpassword',
  'password12345',
  'password123456',
  'password123!',
  'qwertyuiop12',
  'qwertyuiop123',
  'qwertyuiopasdfghjkl',
  'qwerty123456',
  '1q2w3e4r5t6y',
  '1qaz2wsx3edc',
  'q1w2e3r4t5y6',
  'abcdefghijkl',
  'abcdefghijklmnopqrstuvwxyz',
  'abc123456789',
  '123456789012',
  '1234567890123',
  '123456789abc',
  '012345678901',
  '098765432109',
  'asdfghjkl123',
  'zxcvbnm12345',
  'letmeinletmein',
  'letmein12345',
  'welcome12345',
  'welcomewelcome',
  'iloveyou1234',
  'iloveyouiloveyou',
  'administrator',
  'administrator1',
  'admin1234567',
  'adminadminadmin',
  'changeme1234',
  'changemechangeme',
  'correcthorsebatterystaple',
  'correct horse battery staple',
  'trustno1trustno1',
  'monkeymonkey',
  'dragondragon',
  'footballfootball',
  'baseballbaseball',
  'sunshinesunshine',
  'princessprincess',
  'supermansuperman',
  'thisisapassword',
  'mypassword123',
  'secretsecret',
  'defaultpassword',
];
const UNSUITABLE = new Set(COMMON);

/** One spelling of what was typed, so that it is the same password on every keyboard. */
export function normalPassword(typed: string): string {
  return typed.normalize('NFKC');
}

/** @throws Fault `invalid-input` saying why a password won't do for somebody with this address */
export function requireGoodPassword(typed: string, email: string): void {
  const reason = weaknessOf(normalPassword(typed), email);
  if (reason === undefined) return;
  throw new Fault('invalid-input', reason, { where: 'password', remedy: 'A few unrelated words make a good one.' });
}

function weaknessOf(password: string, email: string): string | undefined {
  const length = [...password].length;
  if (length < SHORTEST) return `The password needs at least ${SHORTEST} characters.`;
  if (length > LONGEST) return `The password may have at most ${LONGEST} characters.`;
  const plain = password.toLowerCase();
  if (UNSUITABLE.has(plain) || new Set(plain).size < 4) return 'This password is among the first that are guessed.';
  const [name = email] = email.split('@', 1);
  const own = plain.includes(email) || (name.length >= 4 && plain.includes(name));
  return own ? 'The password must not contain the e-mail address or the name in it.' : undefined;
}
