/** What a bulk request says, and in which order its operations can be done (RFC 7644, 3.7). Pure. */
import { z } from 'zod';
import { Fault } from '../../errors.ts';
import { MAX_BULK_OPERATIONS } from './limits.ts';
import { scimFault } from './scim-fault.ts';

const MESSAGES = 'urn:ietf:params:scim:api:messages:2.0';
const REFERENCE = /bulkId:([\w.-]{1,100})/g;

const operation = z.object({
  method: z
    .string()
    .transform((method) => method.toUpperCase())
    .pipe(z.enum(['POST', 'PUT', 'PATCH', 'DELETE'])),
  path: z.string().regex(/^\/(?:Users|Groups)(?:\/[\w:.-]+)?$/),
  bulkId: z
    .string()
    .regex(/^[\w.-]{1,100}$/)
    .optional(),
  version: z.string().max(100).optional(),
  data: z.record(z.string(), z.unknown()).optional(),
});
export type BulkOperation = z.output<typeof operation>;

export interface BulkRequest {
  readonly operations: readonly BulkOperation[];
  /** How many errors end the work; never, where it is left out. */
  readonly failOnErrors: number;
}

/** Reads a bulk request. @throws Fault `too-large`, or with scimType `invalidSyntax` or `invalidValue`, naming what is wrong */
export function readBulk(body: unknown): BulkRequest {
  const outline = z
    .object({ schemas: z.array(z.string()), failOnErrors: z.int().min(1).optional(), Operations: z.array(z.unknown()) })
    .safeParse(body);
  if (!outline.success || !outline.data.schemas.includes(`${MESSAGES}:BulkRequest`)) {
    throw scimFault('invalidSyntax', `This is not a bulk request of the schema ${MESSAGES}:BulkRequest.`);
  }
  const { Operations, failOnErrors = Number.POSITIVE_INFINITY } = outline.data;
  if (Operations.length > MAX_BULK_OPERATIONS) {
    throw new Fault(
      'too-large',
      `A bulk request has at most ${MAX_BULK_OPERATIONS} operations, not ${Operations.length}.`,
    );
  }
  const operations = Operations.map((each, at) => readOperation(each, at));
  const ids = operations.flatMap(({ bulkId }) => (bulkId === undefined ? [] : [bulkId]));
  const twice = ids.find((id, at) => ids.indexOf(id) !== at);
  if (twice !== undefined) throw scimFault('invalidValue', `Two operations have the bulkId "${twice}".`, 'bulkId');
  return { operations, failOnErrors };
}

function readOperation(given: unknown, at: number): BulkOperation {
  const parsed = operation.safeParse(given);
  const where = `Operations.${at}`;
  if (!parsed.success) {
    const member = parsed.error.issues[0]?.path.join('.') ?? '';
    throw scimFault('invalidValue', `${where}: ${member || 'it'} is wrong.`, where);
  }
  const { method, path, bulkId } = parsed.data;
  const ofCollection = path.split('/').length === 2;
  if ((method === 'POST') !== ofCollection)
    throw scimFault('invalidValue', `${where}: ${method} does not go with ${path}.`, where);
  if (method === 'POST' && bulkId === undefined)
    throw scimFault('invalidValue', `${where}: a POST needs a bulkId.`, where);
  return parsed.data;
}

/** The bulkIds that an operation refers to, in its path and anywhere in its data. */
export function referencesOf({ path, data }: BulkOperation): string[] {
  return [...new Set([...`${path} ${JSON.stringify(data ?? {})}`.matchAll(REFERENCE)].map(([, id]) => id ?? ''))];
}

/** The operation with ids in place of bulkIds. */
export function resolved(given: BulkOperation, ids: ReadonlyMap<string, string>): BulkOperation {
  const put = (text: string) => text.replace(REFERENCE, (whole, id: string) => ids.get(id) ?? whole);
  return { ...given, path: put(given.path), data: given.data === undefined ? undefined : within(given.data, put) };
}

function within<T>(value: T, put: (text: string) => string): T {
  if (typeof value === 'string') return (/^bulkId:[\w.-]{1,100}$/.test(value) ? put(value) : value) as T;
  if (Array.isArray(value)) return value.map((each) => within(each, put)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, within(each, put)])) as T;
}
