/** Which class and activity of OCSF an action of ours is. Actions that are not named here tell of a thing that was made, changed or removed. */

const CLASSES = {
  'Account Change': 3001,
  Authentication: 3002,
  'Entity Management': 3004,
  'User Access Management': 3005,
  'Group Management': 3006,
  'API Activity': 6003,
} as const;
type ClassName = keyof typeof CLASSES;

export interface OcsfKind {
  readonly className: ClassName;
  readonly classUid: (typeof CLASSES)[ClassName];
  readonly activityId: number;
  readonly activityName: string;
}

type Activity = readonly [className: ClassName, activityId: number, activityName: string];

const LOGON: Activity = ['Authentication', 1, 'Logon'];
const LOGOFF: Activity = ['Authentication', 2, 'Logoff'];
const ASSIGN: Activity = ['User Access Management', 3, 'Assign Role'];
const REMOVE: Activity = ['User Access Management', 4, 'Remove Role'];
const FACTOR_OFF: Activity = ['Account Change', 11, 'MFA Factor Disable'];

const ACTIONS: Readonly<Record<string, Activity>> = {
  'sign_in.succeeded': LOGON,
  'sign_in.refused': LOGON,
  'sign_in.break_glass': LOGON,
  'session.started': LOGON,
  'recovery_code.used': LOGON,
  'app.signed_in': LOGON,
  'session.ended': LOGOFF,
  'app.access_ended': LOGOFF,
  'sign_out.refused': LOGOFF,
  'sign_out.told_by_provider': LOGOFF,
  'user.created': ['Account Change', 1, 'Create'],
  'user.reactivated': ['Account Change', 2, 'Enable'],
  'user.rehired': ['Account Change', 2, 'Enable'],
  'password.set': ['Account Change', 3, 'Password Change'],
  'password.link_made': ['Account Change', 4, 'Password Reset'],
  'user.suspended': ['Account Change', 5, 'Disable'],
  'user.deprovisioned': ['Account Change', 6, 'Delete'],
  'second_factor.added': ['Account Change', 10, 'MFA Factor Enable'],
  'second_factor.removed': FACTOR_OFF,
  'second_factor.reset': FACTOR_OFF,
  'membership.granted': ASSIGN,
  'membership.changed': ASSIGN,
  'membership.refused': ASSIGN,
  'membership.withheld': ASSIGN,
  'ownership.transferred': ASSIGN,
  'break_glass.named': ASSIGN,
  'membership.removed': REMOVE,
  'break_glass.withdrawn': REMOVE,
  'directory_group.created': ['Group Management', 6, 'Create'],
  'directory_group.deleted': ['Group Management', 5, 'Delete'],
  'audit.exported': ['API Activity', 2, 'Read'],
  'scim.refused': ['API Activity', 99, 'Refused'],
};

/** Whole areas, where an action is not named for itself. */
const AREAS: Readonly<Record<string, ClassName>> = {
  user: 'Account Change',
  identity: 'Account Change',
  password: 'Account Change',
  directory_group: 'Group Management',
  platform: 'API Activity',
};

/** By the verb an action ends in; any other verb changes something. */
const VERBS: readonly (readonly [verb: RegExp, id: number, name: string])[] = [
  [/^(created|made|added|claimed|issued|kept|registered|started|opened|posted)$/, 1, 'Create'],
  [/^(exported|read|found|tested)$/, 2, 'Read'],
  [/^(deleted|revoked|removed|expired|discarded|erased)$/, 4, 'Delete'],
];

/** The class and activity of an action such as `user.deprovisioned`. */
export function ocsfKindOf(action: string): OcsfKind {
  const [className, activityId, activityName] = ACTIONS[action] ?? ofArea(action);
  return { className, classUid: CLASSES[className], activityId, activityName };
}

function ofArea(action: string): Activity {
  const area = action.slice(0, action.indexOf('.'));
  const verb = action.slice(action.lastIndexOf('.') + 1);
  const className = AREAS[area] ?? 'Entity Management';
  if (className === 'Account Change' || className === 'Group Management') return [className, 99, verb];
  const found = VERBS.find(([pattern]) => pattern.test(verb));
  return found === undefined ? [className, 3, 'Update'] : [className, found[1], found[2]];
}
