/** A button that opens a form, and closes it once what was asked for is done. */
import { Button, type ButtonProps, Group, Modal, Stack } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import type { ReactNode } from 'react';
import { ProblemAlert } from './problem.tsx';

interface FormModalProps {
  readonly label: string;
  readonly title: string;
  /** What is on the button that sends it; the same as `label` where it is left out. */
  readonly submit?: string;
  readonly button?: ButtonProps;
  readonly onSubmit: (done: () => void) => void;
  readonly pending: boolean;
  readonly error: Error | null;
  readonly children: ReactNode;
}

export function FormModal(props: FormModalProps) {
  const { label, title, submit = label, button, onSubmit, pending, error, children } = props;
  const [opened, { open, close }] = useDisclosure();
  return (
    <>
      <Button {...button} onClick={open}>
        {label}
      </Button>
      <Modal opened={opened} onClose={close} title={title} size="lg">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            onSubmit(close);
          }}
        >
          <Stack>
            {children}
            {error !== null && <ProblemAlert error={error} />}
            <Group justify="flex-end">
              <Button type="submit" loading={pending}>
                {submit}
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}
