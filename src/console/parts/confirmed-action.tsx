/** A deed that can't be undone: what it means, and a moment to think before it is done. */
import { Button, type ButtonProps, Group, Modal, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import type { ReactNode } from 'react';
import { text } from '../text/text.ts';
import { ProblemAlert } from './problem.tsx';

interface ConfirmedActionProps {
  readonly label: string;
  readonly title: string;
  readonly explanation: ReactNode;
  readonly onConfirm: (done: () => void) => void;
  readonly pending: boolean;
  readonly error: Error | null;
  readonly button?: ButtonProps;
}

export function ConfirmedAction(props: ConfirmedActionProps) {
  const { label, title, explanation, onConfirm, pending, error, button } = props;
  const [opened, { open, close }] = useDisclosure();
  return (
    <>
      <Button variant="light" color="red" {...button} onClick={open}>
        {label}
      </Button>
      <Modal opened={opened} onClose={close} title={title}>
        <Stack>
          <Text size="sm">{explanation}</Text>
          {error !== null && <ProblemAlert error={error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              {text.parts.cancel}
            </Button>
            <Button color="red" loading={pending} onClick={() => onConfirm(close)}>
              {label}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
