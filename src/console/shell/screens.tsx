/** Which address shows which screen, and what stands in the navigation for whom. */
import {
  type Icon,
  IconArrowsJoin,
  IconChecklist,
  IconDoorExit,
  IconHistory,
  IconHome,
  IconKey,
  IconMail,
  IconPlugConnected,
  IconRefresh,
  IconSettings,
  IconShieldCheck,
  IconUsers,
  IconUsersGroup,
  IconWebhook,
} from '@tabler/icons-react';
import { type ComponentType, type LazyExoticComponent, lazy } from 'react';
import type { Area } from '../session/session.tsx';
import { text } from '../text/text.ts';

export interface Screen {
  /** Below `/console/`. What follows it is the screen's own. */
  readonly path: string;
  readonly title: string;
  readonly icon: Icon;
  /** Whoever administers one of these sees it; everybody, where there are none. */
  readonly areas: readonly Area[];
  readonly component: LazyExoticComponent<ComponentType>;
}

export const SCREENS: readonly Screen[] = [
  {
    path: '',
    title: text.overview.title,
    icon: IconHome,
    areas: [],
    component: lazy(() => import('../overview/screen.tsx')),
  },
  {
    path: 'connections',
    title: text.connections.title,
    icon: IconPlugConnected,
    areas: ['connections'],
    component: lazy(() => import('../connections/screen.tsx')),
  },
  {
    path: 'directories',
    title: text.directories.title,
    icon: IconUsersGroup,
    areas: ['directories'],
    component: lazy(() => import('../directories/screen.tsx')),
  },
  {
    path: 'mapping',
    title: text.mapping.title,
    icon: IconArrowsJoin,
    areas: ['mapping'],
    component: lazy(() => import('../mapping/screen.tsx')),
  },
  {
    path: 'runs',
    title: text.runs.title,
    icon: IconRefresh,
    areas: ['directories'],
    component: lazy(() => import('../runs/screen.tsx')),
  },
  {
    path: 'people',
    title: text.people.title,
    icon: IconUsers,
    areas: ['people'],
    component: lazy(() => import('../people/screen.tsx')),
  },
  {
    path: 'offboarding',
    title: text.offboarding.title,
    icon: IconDoorExit,
    areas: ['people', 'audit'],
    component: lazy(() => import('../offboarding/screen.tsx')),
  },
  {
    path: 'keys',
    title: text.keys.title,
    icon: IconKey,
    areas: ['keys'],
    component: lazy(() => import('../keys/screen.tsx')),
  },
  {
    path: 'roles',
    title: text.roles.title,
    icon: IconShieldCheck,
    areas: ['people'],
    component: lazy(() => import('../roles/screen.tsx')),
  },
  {
    path: 'invitations',
    title: text.invitations.title,
    icon: IconMail,
    areas: ['people'],
    component: lazy(() => import('../invitations/screen.tsx')),
  },
  {
    path: 'reviews',
    title: text.reviews.title,
    icon: IconChecklist,
    areas: ['people'],
    component: lazy(() => import('../reviews/screen.tsx')),
  },
  {
    path: 'audit',
    title: text.audit.title,
    icon: IconHistory,
    areas: ['audit'],
    component: lazy(() => import('../audit/screen.tsx')),
  },
  {
    path: 'integrations',
    title: text.integrations.title,
    icon: IconWebhook,
    areas: ['organization', 'connections', 'audit'],
    component: lazy(() => import('../integrations/screen.tsx')),
  },
  {
    path: 'settings',
    title: text.settings.title,
    icon: IconSettings,
    areas: ['organization'],
    component: lazy(() => import('../settings/screen.tsx')),
  },
];
