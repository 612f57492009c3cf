/** Begins a connection: here and now, or by a link for whoever has the identity provider in their hands. Both open the same steps. */
import { Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconExternalLink, IconLink, IconPlus, IconTool } from '@tabler/icons-react';
import { useState } from 'react';
import { useAnswer, useChange } from '../api/use-api.ts';
import { Copy } from '../parts/copy.tsx';
import { freeName } from '../parts/free-name.ts';
import { exactly } from '../parts/moment.tsx';
import { ProblemAlert } from '../parts/problem.tsx';
import { text } from '../text/text.ts';

const { connections: t } = text;

export function Connect({ slug, label = t.connect }: { readonly slug?: string; readonly label?: string }) {
  const [opened, { open, close }] = useDisclosure();
  const known = useAnswer('get /api/v1/organizations/{organization}/connections', {});
  const [typed, setName] = useState(slug);
  const name = typed ?? freeName('sso', known.data?.connections.map((each) => each.slug) ?? []);
  const make = useChange('post /api/v1/organizations/{organization}/set-up-links');
  const link = (onMade: (url: string) => void) =>
    make.mutate({ body: { connection: name.trim() } }, { onSuccess: ({ url }) => onMade(url) });
  return (
    <>
      <Button
        leftSection={slug === undefined ? <IconPlus size={18} /> : <IconTool size={18} />}
        onClick={open}
        variant={slug === undefined ? 'filled' : 'default'}
      >
        {label}
      </Button>
      <Modal opened={opened} onClose={close} onExitTransitionEnd={make.reset} title={t.connectTitle} size="lg">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            link((url) => location.assign(url));
          }}
        >
          <Stack>
            <Text c="dimmed">{t.connectExplanation}</Text>
            <TextInput
              label={t.connectName}
              description={t.connectNameHint}
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
              required
              pattern="[a-z0-9][a-z0-9\-]*"
              readOnly={slug !== undefined}
              data-autofocus
            />
            {make.error !== null && <ProblemAlert error={make.error} />}
            {make.data !== undefined && (
              <Copy label={t.linkUntil(exactly(make.data.expiresAt))} value={make.data.url} />
            )}
            <Group justify="flex-end">
              <Button
                variant="default"
                leftSection={<IconLink size={18} />}
                loading={make.isPending}
                disabled={name.trim() === ''}
                onClick={() => link(() => undefined)}
              >
                {t.makeLink}
              </Button>
              <Button type="submit" rightSection={<IconExternalLink size={18} />} loading={make.isPending}>
                {t.setUpNow}
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}
