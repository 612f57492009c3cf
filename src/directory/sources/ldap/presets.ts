/** What the common servers call things. A preset fills in what the settings leave out. */

export interface UserMapping {
  readonly filter: string;
  readonly key: string;
  /** The key, where it is left out. */
  readonly externalId?: string;
  /** The first of these that has a value. */
  readonly userName: readonly string[];
  readonly email: readonly string[];
  readonly displayName: readonly string[];
  readonly startsOn: readonly string[];
  readonly endsOn: readonly string[];
  /** Kept as they are, for the conditions of mapping rules. */
  readonly attributes: readonly string[];
}

export interface GroupMapping {
  readonly filter: string;
  readonly key: string;
  readonly name: readonly string[];
  readonly members: readonly string[];
}

const PERSON = [
  'cn',
  'sn',
  'givenName',
  'displayName',
  'mail',
  'title',
  'o',
  'ou',
  'l',
  'st',
  'employeeType',
  'manager',
];

const inetOrgPerson = {
  filter: '(objectClass=inetOrgPerson)',
  key: 'entryUUID',
  userName: ['uid'],
  email: ['mail'],
  displayName: ['displayName', 'cn'],
  startsOn: [],
  endsOn: [],
  attributes: [...PERSON, 'uid', 'employeeNumber', 'departmentNumber', 'businessCategory', 'preferredLanguage'],
};

/** By the names that the settings know. */
export const PRESETS = {
  'active-directory': {
    users: {
      filter: '(&(objectCategory=person)(objectClass=user))',
      key: 'objectGUID',
      userName: ['userPrincipalName', 'sAMAccountName'],
      email: ['mail'],
      displayName: ['displayName', 'cn'],
      startsOn: [],
      endsOn: ['accountExpires'],
      attributes: [
        ...PERSON,
        ...['sAMAccountName', 'userPrincipalName', 'employeeID', 'employeeNumber', 'department', 'division', 'company'],
        ...['co', 'physicalDeliveryOfficeName', 'primaryGroupID'],
      ],
    },
    groups: { filter: '(objectClass=group)', key: 'objectGUID', name: ['cn'], members: ['member'] },
  },
  openldap: {
    users: inetOrgPerson,
    groups: {
      filter: '(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))',
      key: 'entryUUID',
      name: ['cn'],
      members: ['member', 'uniqueMember', 'memberUid'],
    },
  },
  freeipa: {
    users: { ...inetOrgPerson, key: 'ipaUniqueID', endsOn: ['krbPrincipalExpiration'] },
    groups: { filter: '(objectClass=ipaUserGroup)', key: 'ipaUniqueID', name: ['cn'], members: ['member'] },
  },
} as const satisfies Record<string, { users: UserMapping; groups: GroupMapping }>;
