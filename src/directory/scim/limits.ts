/** How much one request may carry. ServiceProviderConfig tells what the protocol has a place for; the rest is in the README. */

/** Bytes of a request's body; a group of 10,000 members with names and addresses fits. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024;
/** Characters of one stored resource as JSON. */
export const MAX_RESOURCE_CHARACTERS = 256 * 1024;
/** Operations of one PATCH. */
export const MAX_OPERATIONS = 500;
/** Operations of one bulk request. */
export const MAX_BULK_OPERATIONS = 1000;
/** Members named in one request. */
export const MAX_MEMBERS = 20_000;
/** Resources on one page. */
export const MAX_PAGE = 200;
/** Resources on a page where the client does not say. */
export const DEFAULT_PAGE = 100;
/** Characters of what identifies a resource: userName, externalId, a group's name. */
export const MAX_KEY_CHARACTERS = 500;
/** How deep attributes that no schema describes may be nested. */
export const MAX_NESTING = 12;
