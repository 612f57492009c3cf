/** A deed that many would feel: a moment to think before it is done. */
import { Button, type ButtonProps, Group, Modal, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import type { ReactNode } from 'react';
import { text } from '../text/text.ts';

interface ConfirmedProps {
  readonly label: string;
  readonly title: string;
  readonly explanation: ReactNode;
  readonly onConfirm: () => void;
  readonly pending: boolean;
  readonly button?: ButtonProps;
}

export function Confirmed({ label, title, explanation, onConfirm, pending, button }: ConfirmedProps) {
  const [opened, { open, close }] = useDisclosure();
  return (
    <>
      <Button {...button} color="red" loading={pending} onClick={open}>
        {label}
      </Button>
      <Modal opened={opened} onClose={close} title={title}>
        <Stack>
          <Text size="sm">{explanation}</Text>
          <Group justify="flex-end">
            <Button variant="default" onClick={close} data-autofocus>
              {text.parts.cancel}
            </Button>
            <Button
              color="red"
              onClick={() => {
                close();
                onConfirm();
              }}
            >
              {label}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
