/** Signing secrets of endpoints: `whsec_` and 24 to 64 bytes in base64 (Standard Webhooks). */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { seal, unseal } from '../credentials/sealing.ts';
import type { SealingKeys } from '../sealing-keys.ts';

const PREFIX = 'whsec_';

export const webhookSecretInput = z.string().refine(isSecret, 'must be whsec_ followed by 24 to 64 bytes in base64');

function isSecret(text: string): boolean {
  if (!text.startsWith(PREFIX)) return false;
  const bytes = Buffer.from(text.slice(PREFIX.length), 'base64');
  return bytes.length >= 24 && bytes.length <= 64 && bytes.toString('base64') === text.slice(PREFIX.length);
}

/** A fresh one. */
export function newWebhookSecret(): string {
  return PREFIX + randomBytes(32).toString('base64');
}

interface Owner {
  readonly organization_id: string;
  readonly slug: string;
}

/** Seals a secret for its endpoint. */
export function sealWebhookSecret(keys: SealingKeys, owner: Owner, secret: string): string {
  return seal(keys, purposeOf(owner), secret);
}

export interface SealedSecrets extends Owner {
  readonly sealed_secret: string;
  readonly sealed_previous_secret: string | null;
  /** As the database gives it, or its JSON. */
  readonly previous_until: Date | string | null;
}

/** What an endpoint's messages are signed with: its secret, and while it is being replaced also the one before. */
export function webhookSecrets(keys: SealingKeys, endpoint: SealedSecrets, now: Date): string[] {
  const { sealed_secret: current, sealed_previous_secret: previous, previous_until: until } = endpoint;
  const counts = previous !== null && until !== null && new Date(until) > now;
  return [current, ...(counts ? [previous] : [])].map((sealed) => unseal(keys, purposeOf(endpoint), sealed));
}

function purposeOf({ organization_id: organizationId, slug }: Owner): string {
  return `webhook_endpoint:${organizationId}:${slug}`;
}
