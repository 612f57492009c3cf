/** Replaces a key: both count for a while, so that nothing stands still. */
import { Button, Group, Modal, NumberInput, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useState } from 'react';
import { useChange } from '../api/use-api.ts';
import { ProblemAlert } from '../parts/problem.tsx';
import { text } from '../text/text.ts';
import type { Key, MadeKey } from './screen.tsx';

const { keys: t } = text;

interface RotateProps {
  readonly of: Key;
  readonly onMade: (made: MadeKey) => void;
}

export function Rotate({ of: { id, name }, onMade }: RotateProps) {
  const [opened, { open, close }] = useDisclosure();
  const [hours, setHours] = useState(24);
  const rotate = useChange('post /api/v1/organizations/{organization}/api-keys/{key}/rotate');
  return (
    <>
      <Button size="xs" variant="subtle" onClick={open}>
        {t.rotate}
      </Button>
      <Modal opened={opened} onClose={close} title={t.rotateTitle(name)}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            rotate.mutate(
              { path: { key: id }, body: { overlapHours: hours } },
              {
                onSuccess: (made) => {
                  onMade(made);
                  close();
                },
              },
            );
          }}
        >
          <Stack>
            <Text size="sm">{t.rotateHint}</Text>
            <NumberInput
              label={t.overlap}
              min={0}
              max={720}
              value={hours}
              onChange={(value) => setHours(Number(value))}
              data-autofocus
            />
            {rotate.error !== null && <ProblemAlert error={rotate.error} />}
            <Group justify="flex-end">
              <Button type="submit" loading={rotate.isPending}>
                {t.rotate}
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}
