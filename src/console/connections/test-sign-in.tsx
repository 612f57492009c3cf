/** A test of the connection in a window of its own, and beside it what came of the last ones. */
import { Button, Grid, Stack, Text } from '@mantine/core';
import { IconExternalLink } from '@tabler/icons-react';
import { Section } from '../parts/section.tsx';
import { text } from '../text/text.ts';
import { Traces } from './traces.tsx';

const { connections: t } = text;
/** Whoever signs in to return there has only tested; see the server's `sign-in/test-sign-in.ts`. */
const TESTED = '/sign-in/tested';

export function TestSignIn({ connection, loginUrl }: { readonly connection: string; readonly loginUrl: string }) {
  return (
    <Section title={t.testTitle}>
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, lg: 4 }}>
          <Stack align="flex-start">
            <Text size="sm">{t.testHint}</Text>
            <Button
              component="a"
              href={`${loginUrl}?returnTo=${encodeURIComponent(TESTED)}`}
              target="_blank"
              rel="noreferrer"
              rightSection={<IconExternalLink size={18} aria-hidden />}
            >
              {t.test}
            </Button>
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 8 }}>
          <Traces connection={connection} latestOpen />
        </Grid.Col>
      </Grid>
    </Section>
  );
}
