/**
 * The one error type of the house. A capability throws a `Fault`; HTTP shows it as RFC 9457 problem+json,
 * SCIM as its own error body, the command line as one line. `message` is public; `cause` is for the log only.
 */

/** Every kind of fault, with the HTTP status it answers. */
const FAULT_STATUS = {
  'invalid-input': 400,
  'invalid-settings': 400,
  'invalid-manifest': 400,
  'invalid-model': 400,
  'invalid-feed': 400,
  unauthenticated: 401,
  'sign-in-refused': 403,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  'precondition-failed': 412,
  'plan-moved': 409,
  'run-in-progress': 409,
  'too-large': 413,
  'unsupported-media-type': 415,
  'too-many-requests': 429,
  'upstream-failed': 502,
  unavailable: 503,
} as const;

export type FaultCode = keyof typeof FAULT_STATUS;

export interface FaultDetail {
  /** Where it was found: a field, a line, a file. */
  readonly where?: string;
  /** What the reader can do about it. */
  readonly remedy?: string;
  /** The internal reason; logged, never shown. */
  readonly cause?: unknown;
  /** Further public members of the problem document. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

export class Fault extends Error {
  readonly code: FaultCode;
  readonly where: string | undefined;
  readonly remedy: string | undefined;
  readonly extra: Readonly<Record<string, unknown>>;

  constructor(code: FaultCode, message: string, detail: FaultDetail = {}) {
    super(message, detail.cause === undefined ? {} : { cause: detail.cause });
    this.name = 'Fault';
    this.code = code;
    this.where = detail.where;
    this.remedy = detail.remedy;
    this.extra = detail.extra ?? {};
  }

  /** The HTTP status that this fault answers with. */
  get status(): number {
    return FAULT_STATUS[this.code];
  }

  /** One line for a terminal: what, where, what to do. */
  toLine(): string {
    return [this.message, this.where && `(${this.where})`, this.remedy].filter(Boolean).join(' ');
  }
}
