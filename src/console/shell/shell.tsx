/** The frame around every screen: who and where, the navigation, and the screen itself. */
import {
  ActionIcon,
  AppShell,
  Burger,
  Button,
  Group,
  Menu,
  NavLink,
  ScrollArea,
  Text,
  useComputedColorScheme,
  useMantineColorScheme,
} from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconChevronDown, IconLogout, IconMoon, IconSun, IconUser } from '@tabler/icons-react';
import { Suspense } from 'react';
import { Link, Outlet, useLocation } from 'react-router';
import { Loading } from '../parts/answered.tsx';
import { signOut, useSession } from '../session/session.tsx';
import { text } from '../text/text.ts';
import { SCREENS } from './screens.tsx';
import classes from './shell.module.css';

export function Shell() {
  const [opened, { toggle, close }] = useDisclosure();
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 232, breakpoint: 'sm', collapsed: { mobile: !opened } }}
      padding={{ base: 'md', md: 'xl' }}
    >
      <a href="#content" className={classes['skip']}>
        {text.shell.skip}
      </a>
      <AppShell.Header>
        <Header opened={opened} toggle={toggle} />
      </AppShell.Header>
      <AppShell.Navbar p="sm" aria-label={text.shell.navigation}>
        <ScrollArea>
          <Navigation onGo={close} />
        </ScrollArea>
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1}>
        <div className={classes['content']}>
          <Suspense fallback={<Loading lines={8} />}>
            <Outlet />
          </Suspense>
        </div>
      </AppShell.Main>
    </AppShell>
  );
}

function Header({ opened, toggle }: { readonly opened: boolean; readonly toggle: () => void }) {
  const { organization, label } = useSession();
  return (
    <Group h="100%" px="md" justify="space-between" wrap="nowrap">
      <Group gap="sm" wrap="nowrap" miw={0}>
        <Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label={text.shell.openNavigation} />
        <Text fw={700} className={classes['brand']}>
          {text.shell.brand}
        </Text>
        <Text c="dimmed" truncate>
          {organization.name}
        </Text>
      </Group>
      <Group gap="xs" wrap="nowrap">
        <ColourScheme />
        <Menu position="bottom-end" withinPortal>
          <Menu.Target>
            <Button
              variant="subtle"
              color="gray"
              rightSection={<IconChevronDown size={16} />}
              aria-label={label}
              px="xs"
            >
              <IconUser size={20} aria-hidden className={classes['person']} />
              <span className={classes['who']}>{label}</span>
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Label>{label}</Menu.Label>
            <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void signOut()}>
              {text.session.signOut}
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </Group>
    </Group>
  );
}

function ColourScheme() {
  const { setColorScheme } = useMantineColorScheme();
  const dark = useComputedColorScheme('light') === 'dark';
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size="lg"
      aria-label={dark ? text.shell.light : text.shell.dark}
      onClick={() => setColorScheme(dark ? 'light' : 'dark')}
    >
      {dark ? <IconSun size={20} /> : <IconMoon size={20} />}
    </ActionIcon>
  );
}

function Navigation({ onGo }: { readonly onGo: () => void }) {
  const { pathname } = useLocation();
  const session = useSession();
  const visible = SCREENS.filter(({ areas }) => areas.length === 0 || areas.some(session.may));
  return visible.map(({ path, title, icon: Picture }) => {
    const active = path === '' ? pathname === '/' : pathname.split('/')[1] === path;
    return (
      <NavLink
        key={path}
        component={Link}
        to={`/${path}`}
        label={title}
        leftSection={<Picture size={18} stroke={1.6} aria-hidden />}
        active={active}
        aria-current={active ? 'page' : undefined}
        onClick={onGo}
        className={classes['link']}
      />
    );
  });
}
