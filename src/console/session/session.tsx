/** Who is signed in, and what they may administer: known to every screen below. */
import { Button, Center, Loader, Paper, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useEffect, useState } from 'react';
import { useLocation, useNavigate } from 'react-router';
import { type Answer, call, enterOrganization } from '../api/client.ts';
import { ProblemAlert } from '../parts/problem.tsx';
import { text } from '../text/text.ts';
import { finishSignIn, forgetToken, goToSignIn, SignedOut } from './token.ts';

type Me = Answer<'get /api/v1/me'>;
export type Area = Me['areas'][number];

export interface Session {
  readonly label: string;
  readonly userId: string;
  readonly organization: NonNullable<Me['organization']>;
  may(area: Area): boolean;
}

const SessionContext = createContext<Session | undefined>(undefined);

/** The session of the person before the screen; only below `SessionGate`. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === undefined) throw new Error('useSession is used outside SessionGate');
  return session;
}

/** Shows the console to whoever is signed in, and to others how to. */
export function SessionGate({ children }: { readonly children: ReactNode }) {
  const me = useQuery({
    queryKey: ['me'],
    queryFn: async () => {
      const found = await call('get /api/v1/me', {});
      enterOrganization(found.organization?.id ?? '');
      return found;
    },
    retry: false,
  });
  if (me.error instanceof SignedOut) return <SignInPage />;
  if (me.error !== null) return <ProblemAlert error={me.error} retry={() => void me.refetch()} />;
  const { organization, user } = me.data ?? {};
  if (me.data === undefined || !organization || !user) return <Waiting />;
  const session: Session = {
    label: me.data.actor.label,
    userId: user,
    organization,
    may: (area) => me.data.areas.includes(area),
  };
  return <SessionContext value={session}>{children}</SessionContext>;
}

/** Signs out of the browser's session, and of the identity provider where it takes part. */
export async function signOut(): Promise<void> {
  const response = await fetch('/sign-out', { method: 'POST', headers: { accept: 'application/json' } });
  const { onward } = response.status === 200 ? ((await response.json()) as { onward?: string }) : {};
  forgetToken();
  location.assign(onward ?? '/console/');
}

function SignInPage({ reason }: { readonly reason?: string }) {
  const { pathname, search } = useLocation();
  return (
    <Center mih="80vh" component="main" p="md">
      <Paper withBorder p="xl" radius="md" maw={420} w="100%">
        <Stack>
          <Title order={1} size="h2">
            {text.session.title}
          </Title>
          <Text c="dimmed">{reason ?? text.session.explanation}</Text>
          <Button size="md" onClick={() => void goToSignIn(pathname + search)}>
            {text.session.signIn}
          </Button>
        </Stack>
      </Paper>
    </Center>
  );
}

/** Where the provider sends the browser back to. */
export function SignedInPage() {
  const { search } = useLocation();
  const navigate = useNavigate();
  const [failed, setFailed] = useState<string>();
  useEffect(() => {
    finishSignIn(new URLSearchParams(search)).then(
      (to) => navigate(to === '/signed-in' ? '/' : to, { replace: true }),
      (error: Error) => setFailed(error.message),
    );
  }, [search, navigate]);
  return failed === undefined ? <Waiting /> : <SignInPage reason={failed} />;
}

function Waiting() {
  return (
    <Center mih="80vh" role="status" aria-label={text.parts.loading}>
      <Loader />
    </Center>
  );
}
