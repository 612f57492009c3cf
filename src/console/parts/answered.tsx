/** Shows an answer once it is there; until then its place, and instead of it the problem. */
import { Skeleton, Stack } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { text } from '../text/text.ts';
import { ProblemAlert } from './problem.tsx';

interface AnsweredProps<T> {
  readonly of: UseQueryResult<T>;
  /** How many lines will stand here, so that nothing jumps when they come. */
  readonly lines?: number;
  readonly children: (answer: T) => ReactNode;
}

export function Answered<T>({ of, lines = 4, children }: AnsweredProps<T>) {
  if (of.data !== undefined) return children(of.data);
  if (of.error !== null) return <ProblemAlert error={of.error} retry={() => void of.refetch()} />;
  return <Loading lines={lines} />;
}

/** The place of what is on its way. */
export function Loading({ lines = 4 }: { readonly lines?: number }) {
  return (
    <Stack gap="sm" role="status" aria-label={text.parts.loading}>
      {Array.from({ length: lines }, (_, line) => line).map((line) => (
        <Skeleton key={line} height={36} radius="sm" />
      ))}
    </Stack>
  );
}
