/** What is said of providers, and kept secret for them, under the same words everywhere. */
import { z } from 'zod';
import { Fault } from '../../errors.ts';

export const address = z.url({ protocol: /^https?$/ });
export const name = z.string().min(1).max(255);
export const secret = z.string().min(1).max(16_384);
/** The slug of the directory whose ids are the provider's own. Without it people are found there by e-mail. */
export const directory = z.string().min(1).max(63).optional();

/** @throws Fault `invalid-input` where it is not said */
export function needed<T>(value: T | undefined, where: string): T {
  if (value !== undefined) return value;
  throw new Fault('invalid-input', `The provider's ${where} is missing.`, {
    where,
    remedy: 'Put the provider with it.',
  });
}
