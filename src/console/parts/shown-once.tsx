/** A secret that was made just now and is not shown again. */
import { Alert } from '@mantine/core';
import { text } from '../text/text.ts';
import { Copy } from './copy.tsx';

interface ShownOnceProps {
  readonly title: string;
  readonly label: string;
  readonly value: string;
  readonly onClose: () => void;
}

export function ShownOnce({ title, label, value, onClose }: ShownOnceProps) {
  return (
    <Alert
      color="indigo"
      title={title}
      withCloseButton
      closeButtonLabel={text.parts.close}
      onClose={onClose}
      role="status"
    >
      <Copy label={label} value={value} />
    </Alert>
  );
}
