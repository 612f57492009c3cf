/**
 * Services that are known, as their documentation has them: where people are listed, how that is asked, and what the fields are called. Each
 * has traps of its own, which its test holds.
 */

/** Restricted fields come as null and are named in the record; days that are not there, as 0000-00-00. */
const bamboohr = {
  baseUrl: 'https://{company}.bamboohr.com/api/v1',
  /** The API key is the user name; any password will do. */
  auth: { kind: 'basic' },
  people: {
    path: '/employees',
    query: {
      sort: 'employeeId',
      fields:
        'workEmail,displayName,hireDate,terminationDate,departmentName,divisionName,locationName,employmentStatusName',
    },
    at: 'data',
    paging: {
      kind: 'cursor',
      parameter: 'page[after]',
      cursor: 'meta.page.nextCursor',
      size: { parameter: 'page[limit]', value: 1000 },
      total: 'meta.total',
    },
  },
  fields: {
    id: 'employeeId',
    email: 'workEmail',
    name: ['firstName', 'lastName'],
    status: 'status',
    startsOn: 'hireDate',
    endsOn: 'terminationDate',
    groups: 'departmentName',
    restricted: '_restrictedFields',
  },
  active: ['active'],
  inactive: ['inactive'],
  emptyDays: ['0000-00-00'],
};

/** Tells of those who have left only if asked to, and leaves out fields that it may not show; texts for reading stand apart. */
const hibob = {
  baseUrl: 'https://api.hibob.com/v1',
  /** The id of a service user, and its token. */
  auth: { kind: 'basic' },
  people: {
    path: '/people/search',
    method: 'POST',
    body: {
      showInactive: true,
      humanReadable: 'APPEND',
      fields: [
        'root.id',
        'root.email',
        'root.displayName',
        'work.startDate',
        'work.department',
        'work.title',
        'work.site',
        'internal.status',
        'internal.lifecycleStatus',
        'internal.terminationDate',
      ],
    },
    at: 'employees',
    paging: { kind: 'none' },
  },
  fields: {
    id: 'id',
    email: 'email',
    name: 'displayName',
    status: 'internal.status',
    startsOn: 'work.startDate',
    endsOn: 'internal.terminationDate',
    groups: 'humanReadable.work.department',
  },
  active: ['active'],
  inactive: ['inactive'],
};

/** Gives tokens in its own way, wraps each value in its label, and pages by offset over a list that may change meanwhile. */
const personio = {
  baseUrl: 'https://api.personio.de/v1',
  auth: { kind: 'oauth', tokenUrl: '/auth', client: 'json', token: 'data.token', expiresIn: 'data.expires_in' },
  people: {
    path: '/company/employees',
    at: 'data',
    paging: {
      kind: 'offset',
      parameter: 'offset',
      size: { parameter: 'limit', value: 100 },
      total: 'metadata.total_elements',
    },
  },
  fields: {
    id: 'attributes.id.value',
    email: 'attributes.email.value',
    name: ['attributes.first_name.value', 'attributes.last_name.value'],
    status: 'attributes.status.value',
    startsOn: 'attributes.hire_date.value',
    endsOn: 'attributes.termination_date.value',
    groups: 'attributes.department.value.attributes.name',
  },
  active: ['active', 'leave', 'onboarding'],
  inactive: ['inactive'],
};

/** Names the next page by an address that has the cursor and no more: what else was asked must be asked again. */
const rippling = {
  baseUrl: 'https://rest.ripplingapis.com',
  auth: { kind: 'bearer' },
  people: {
    path: '/workers',
    query: { expand: 'user,department', order_by: 'id' },
    at: 'results',
    paging: { kind: 'next', next: 'next_link', size: { parameter: 'limit', value: 100 } },
  },
  fields: {
    id: 'id',
    email: 'work_email',
    name: 'user.display_name',
    status: 'status',
    startsOn: 'start_date',
    endsOn: 'end_date',
    groups: 'department.name',
  },
  active: ['active', 'hired', 'accepted'],
  inactive: ['terminated'],
};

export const PRESETS = { bamboohr, hibob, personio, rippling };
