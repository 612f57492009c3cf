/** An address that shows nothing, and one that is not for this person. */
import { Button } from '@mantine/core';
import { IconCompass, IconLock } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { EmptyState } from '../parts/empty-state.tsx';
import { type Area, useSession } from '../session/session.tsx';
import { text } from '../text/text.ts';

export function NotFound() {
  return (
    <EmptyState
      icon={IconCompass}
      title={text.shell.notFound}
      hint={text.shell.notFoundHint}
      action={
        <Button component={Link} to="/">
          {text.shell.home}
        </Button>
      }
    />
  );
}

/** Shows a screen to whoever administers one of its areas. The server decides; this spares the person a page of refusals. */
export function ForAreas({ areas, children }: { readonly areas: readonly Area[]; readonly children: ReactNode }) {
  const { may } = useSession();
  if (areas.length === 0 || areas.some(may)) return children;
  return <EmptyState icon={IconLock} title={text.shell.forbidden} hint={text.shell.forbiddenHint} />;
}
