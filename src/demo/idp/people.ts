/** The people of the demo company, as both demo identity providers know them. */

export interface DemoPerson {
  /** Stable at the identity provider; what it gives as subject. */
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly groups: readonly string[];
  /** Whether the identity provider has confirmed the address; left out, it has. */
  readonly emailVerified?: boolean;
}

export const DEMO_PEOPLE: readonly DemoPerson[] = [
  { id: 'u-1001', email: 'olivia.owner@acme.example', name: 'Olivia Owner', groups: ['Everyone', 'Leadership'] },
  { id: 'u-1002', email: 'adam.admin@acme.example', name: 'Adam Admin', groups: ['Everyone', 'IT Admins'] },
  { id: 'u-1003', email: 'dora.developer@acme.example', name: 'Dora Developer', groups: ['Everyone', 'Engineering'] },
  { id: 'u-1004', email: 'vik.viewer@acme.example', name: 'Vik Viewer', groups: ['Everyone'] },
  { id: 'u-1005', email: 'lea.leaver@acme.example', name: 'Lea Leaver', groups: ['Everyone', 'Engineering'] },
];
