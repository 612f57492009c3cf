/** Refusals in SCIM's words (RFC 7644, 3.12): the house's `Fault` with a `scimType`. */
import { Fault, type FaultCode } from '../../errors.ts';

/** Why a request could not be carried out, as RFC 7644 table 9 and RFC 9865 name it. */
export type ScimType =
  | 'invalidFilter'
  | 'tooMany'
  | 'uniqueness'
  | 'mutability'
  | 'invalidSyntax'
  | 'invalidPath'
  | 'noTarget'
  | 'invalidValue'
  | 'invalidVers'
  | 'invalidCursor';

/**
 * A fault that answers with a SCIM error type.
 * @param where the attribute, path or position that is wrong
 */
export function scimFault(scimType: ScimType, message: string, where?: string): Fault {
  const code: FaultCode = scimType === 'uniqueness' ? 'conflict' : 'invalid-input';
  return new Fault(code, message, { extra: { scimType }, ...(where === undefined ? {} : { where }) });
}

/** The body of an error answer. */
export function errorBody(status: number, detail: string, scimType?: unknown): Record<string, unknown> {
  return {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
    status: String(status),
    ...(scimType === undefined ? {} : { scimType }),
    detail,
  };
}
