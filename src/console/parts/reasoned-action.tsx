/** A deed that wants a reason, told to the audit; and a moment to think before it is done. */
import { Button, type ButtonProps, Group, Modal, Stack, Text, Textarea } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { type ReactNode, useState } from 'react';
import { text } from '../text/text.ts';
import { ProblemAlert } from './problem.tsx';

interface ReasonedActionProps {
  readonly label: string;
  readonly title: string;
  readonly explanation: ReactNode;
  readonly confirm: string;
  readonly onConfirm: (reason: string, done: () => void) => void;
  readonly pending: boolean;
  readonly error: Error | null;
  readonly button?: ButtonProps;
  /** More that is asked, above the reason. */
  readonly children?: ReactNode;
}

export function ReasonedAction(props: ReasonedActionProps) {
  const { label, title, explanation, confirm, onConfirm, pending, error, button, children } = props;
  const [opened, { open, close }] = useDisclosure();
  const [reason, setReason] = useState('');
  const done = () => {
    setReason('');
    close();
  };
  return (
    <>
      <Button {...button} onClick={open}>
        {label}
      </Button>
      <Modal opened={opened} onClose={close} title={title}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            onConfirm(reason, done);
          }}
        >
          <Stack>
            <Text size="sm">{explanation}</Text>
            {children}
            <Textarea
              label={text.parts.reason}
              description={text.parts.reasonHint}
              value={reason}
              onChange={(event) => setReason(event.currentTarget.value)}
              required
              maxLength={500}
              data-autofocus
            />
            {error !== null && <ProblemAlert error={error} />}
            <Group justify="flex-end">
              <Button variant="default" onClick={close}>
                {text.parts.cancel}
              </Button>
              <Button type="submit" loading={pending} {...(button?.color === undefined ? {} : { color: button.color })}>
                {confirm}
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}
