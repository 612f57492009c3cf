/** Where to go from a place where nothing is yet. */
import { Button } from '@mantine/core';
import { Link } from 'react-router';

export function Onward({ to, label }: { readonly to: string; readonly label: string }) {
  return (
    <Button component={Link} to={to} variant="light">
      {label}
    </Button>
  );
}
