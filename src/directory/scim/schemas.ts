/** The schemas that this server knows: RFC 7643 sections 4.1 to 4.3. What `/Schemas` shows is what is enforced. */
import { type Attribute, attribute, type ResourceType, type Schema } from './attribute.ts';

const readOnly = { mutability: 'readOnly' } as const;

/** A multi-valued complex attribute with the usual value, display, type and primary. */
function plural(name: string, description: string, value: Partial<Attribute> = {}): Attribute {
  return attribute(name, description, {
    type: 'complex',
    multiValued: true,
    subAttributes: [
      attribute('value', 'The value itself.', value),
      attribute('display', 'The value as shown to people.'),
      attribute('type', 'What the value is used for, such as "work" or "home".'),
      attribute('primary', 'Whether this is the preferred one; at most one is.', { type: 'boolean' }),
    ],
  });
}

const name = attribute('name', 'The parts of the name.', {
  type: 'complex',
  subAttributes: [
    attribute('formatted', 'The whole name as shown.'),
    attribute('familyName', 'Family name.'),
    attribute('givenName', 'Given name.'),
    attribute('middleName', 'Middle names.'),
    attribute('honorificPrefix', 'Titles before the name.'),
    attribute('honorificSuffix', 'What follows the name.'),
  ],
});

const addresses = attribute('addresses', 'Postal addresses.', {
  type: 'complex',
  multiValued: true,
  subAttributes: [
    attribute('formatted', 'The whole address as printed.'),
    attribute('streetAddress', 'Street, house, apartment.'),
    attribute('locality', 'City or place.'),
    attribute('region', 'State or region.'),
    attribute('postalCode', 'Postal code.'),
    attribute('country', 'Country, ISO 3166-1 alpha-2.'),
    attribute('type', 'What the address is used for.'),
    attribute('primary', 'Whether this is the preferred one.', { type: 'boolean' }),
  ],
});

const groups = attribute('groups', 'The groups that have this user as a member.', {
  ...readOnly,
  type: 'complex',
  multiValued: true,
  subAttributes: [
    attribute('value', "The group's id.", { ...readOnly, caseExact: true }),
    attribute('$ref', "The group's address.", { ...readOnly, type: 'reference', caseExact: true }),
    attribute('display', "The group's name.", readOnly),
    attribute('type', 'Always "direct".', readOnly),
  ],
});

/** What every resource carries beside its schema's attributes (RFC 7643, 3.1). */
export const COMMON: readonly Attribute[] = [
  attribute('schemas', 'The schemas of this resource.', { multiValued: true, caseExact: true, returned: 'always' }),
  attribute('id', 'Given by this server.', { ...readOnly, caseExact: true, returned: 'always', uniqueness: 'server' }),
  attribute('externalId', "The source's own id.", { caseExact: true }),
  attribute('meta', 'About the resource.', {
    ...readOnly,
    type: 'complex',
    subAttributes: [
      attribute('resourceType', 'User or Group.', { ...readOnly, caseExact: true }),
      attribute('created', 'When it was made.', { ...readOnly, type: 'dateTime' }),
      attribute('lastModified', 'When it last changed.', { ...readOnly, type: 'dateTime' }),
      attribute('location', 'Its address.', { ...readOnly, type: 'reference', caseExact: true }),
      attribute('version', 'Its ETag.', { ...readOnly, caseExact: true }),
    ],
  }),
];

export const USER_SCHEMA: Schema = {
  id: 'urn:ietf:params:scim:schemas:core:2.0:User',
  name: 'User',
  description: 'A person, as the source states it.',
  attributes: [
    attribute('userName', 'What tells this user from others in the directory, in any letter case.', {
      required: true,
      uniqueness: 'server',
    }),
    name,
    attribute('displayName', 'The name as shown.'),
    attribute('nickName', 'What the person is called.'),
    attribute('profileUrl', "The person's page.", { type: 'reference' }),
    attribute('title', 'Job title.'),
    attribute('userType', 'Relation to the organization, such as "Contractor".'),
    attribute('preferredLanguage', 'Preferred language.'),
    attribute('locale', 'Locale.'),
    attribute('timezone', 'Time zone.'),
    attribute('active', 'False once the person has left; their access ends before the answer goes out.', {
      type: 'boolean',
    }),
    attribute('password', 'Accepted and never kept: people sign in with their identity provider.', {
      mutability: 'writeOnly',
      returned: 'never',
      caseExact: true,
    }),
    plural('emails', 'E-mail addresses.'),
    plural('phoneNumbers', 'Telephone numbers.'),
    plural('ims', 'Instant messaging addresses.'),
    plural('photos', 'Pictures.', { type: 'reference' }),
    addresses,
    groups,
    plural('entitlements', 'Entitlements.'),
    plural('roles', 'Roles.'),
    plural('x509Certificates', 'Certificates.', { type: 'binary', caseExact: true }),
  ],
};

export const ENTERPRISE_SCHEMA: Schema = {
  id: 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User',
  name: 'EnterpriseUser',
  description: 'Where a person stands in the organization.',
  attributes: [
    attribute('employeeNumber', 'Employee number.'),
    attribute('costCenter', 'Cost center.'),
    attribute('organization', 'Organization.'),
    attribute('division', 'Division.'),
    attribute('department', 'Department.'),
    attribute('manager', 'Whom the person reports to.', {
      type: 'complex',
      subAttributes: [
        attribute('value', "The manager's id.", { caseExact: true }),
        attribute('$ref', "The manager's address.", { type: 'reference', caseExact: true }),
        attribute('displayName', "The manager's name."),
      ],
    }),
  ],
};

export const GROUP_SCHEMA: Schema = {
  id: 'urn:ietf:params:scim:schemas:core:2.0:Group',
  name: 'Group',
  description: 'A group of users; mapping rules turn it into roles.',
  attributes: [
    attribute('displayName', 'The name that mapping rules go by.', { required: true }),
    attribute('members', 'The users in the group.', {
      type: 'complex',
      multiValued: true,
      subAttributes: [
        attribute('value', "The user's id.", { mutability: 'immutable', caseExact: true, required: true }),
        attribute('$ref', "The user's address.", { mutability: 'immutable', type: 'reference', caseExact: true }),
        attribute('display', "The user's name.", readOnly),
        attribute('type', 'Always "User".', { mutability: 'immutable' }),
      ],
    }),
  ],
};

export const USER: ResourceType = {
  name: 'User',
  endpoint: '/Users',
  description: 'People',
  core: withCommon(USER_SCHEMA),
  extensions: [ENTERPRISE_SCHEMA],
};

export const GROUP: ResourceType = {
  name: 'Group',
  endpoint: '/Groups',
  description: 'Groups of people',
  core: withCommon(GROUP_SCHEMA),
  extensions: [],
};

function withCommon(schema: Schema): Schema {
  return { ...schema, attributes: [...COMMON, ...schema.attributes] };
}
