/** What this server says of itself (RFC 7643, 5 to 7). It tells the truth: what is false here is refused when tried. */
import type { ResourceType, Schema } from './attribute.ts';
import { DEFAULT_PAGE, MAX_BODY_BYTES, MAX_BULK_OPERATIONS, MAX_PAGE } from './limits.ts';
import { ENTERPRISE_SCHEMA, GROUP, GROUP_SCHEMA, USER, USER_SCHEMA } from './schemas.ts';

const SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0';

export function serviceProviderConfig(base: string): Record<string, unknown> {
  return {
    schemas: [`${SCHEMA}:ServiceProviderConfig`],
    patch: { supported: true },
    bulk: { supported: true, maxOperations: MAX_BULK_OPERATIONS, maxPayloadSize: MAX_BODY_BYTES },
    filter: { supported: true, maxResults: MAX_PAGE },
    changePassword: { supported: false },
    sort: { supported: true },
    etag: { supported: true },
    pagination: {
      cursor: true,
      index: true,
      defaultPaginationMethod: 'index',
      defaultPageSize: DEFAULT_PAGE,
      maxPageSize: MAX_PAGE,
    },
    authenticationSchemes: [
      {
        type: 'oauthbearertoken',
        name: 'Bearer token',
        description: 'A token that an administrator issues for this directory.',
        specUri: 'https://www.rfc-editor.org/info/rfc6750',
        primary: true,
      },
    ],
    meta: { resourceType: 'ServiceProviderConfig', location: `${base}/ServiceProviderConfig` },
  };
}

export function resourceTypes(base: string): Record<string, unknown>[] {
  return [USER, GROUP].map((type) => shownType(base, type));
}

export function schemas(base: string): Record<string, unknown>[] {
  return [USER_SCHEMA, ENTERPRISE_SCHEMA, GROUP_SCHEMA].map((schema) => shownSchema(base, schema));
}

function shownType(base: string, type: ResourceType): Record<string, unknown> {
  return {
    schemas: [`${SCHEMA}:ResourceType`],
    id: type.name,
    name: type.name,
    endpoint: type.endpoint,
    description: type.description,
    schema: type.core.id,
    ...(type.extensions.length === 0
      ? {}
      : { schemaExtensions: type.extensions.map((extension) => ({ schema: extension.id, required: false })) }),
    meta: { resourceType: 'ResourceType', location: `${base}/ResourceTypes/${type.name}` },
  };
}

function shownSchema(base: string, { id, name, description, attributes }: Schema): Record<string, unknown> {
  const meta = { resourceType: 'Schema', location: `${base}/Schemas/${id}` };
  return { schemas: [`${SCHEMA}:Schema`], id, name, description, attributes, meta };
}

/** A page of a list, in the message that RFC 7644, 3.4.2 and RFC 9865 prescribe. */
export function listResponse(
  resources: readonly unknown[],
  page: { total: number; startIndex: number; nextCursor?: string | null },
) {
  const { total, startIndex, nextCursor } = page;
  return {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
    totalResults: total,
    itemsPerPage: resources.length,
    ...(nextCursor === undefined ? { startIndex } : {}),
    ...(nextCursor ? { nextCursor } : {}),
    Resources: resources,
  };
}
