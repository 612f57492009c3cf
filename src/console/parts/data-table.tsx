/**
 * A table of any length: only the rows in sight are there, and more are asked for as the end comes near. Rows are read by screen readers as
 * rows of a table with their true number.
 */
import { Box, ScrollArea, Text } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, type ReactNode, useEffect, useRef } from 'react';
import { text } from '../text/text.ts';
import classes from './data-table.module.css';

export interface Column<Row> {
  readonly key: string;
  readonly title: ReactNode;
  /** A track of the grid: `2fr`, `120px`, `minmax(12rem, 1fr)`. */
  readonly width: string;
  readonly cell: (row: Row) => ReactNode;
  /** Whether it stays where there is room for a few only; where none says so, all do, to be reached sideways. */
  readonly onPhone?: true;
}

interface DataTableProps<Row> {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string;
  /** In pixels. */
  readonly rowHeight?: number;
  /** The height of the whole, in pixels; it scrolls within. */
  readonly height?: number;
  /** Where there is less room, it scrolls sideways; in pixels. */
  readonly minWidth?: number;
  readonly onOpen?: (row: Row) => void;
  readonly more?: { readonly has: boolean; readonly load: () => void; readonly loading: boolean };
}

export function DataTable<Row>(props: DataTableProps<Row>) {
  const { label, rows, rowKey, rowHeight = 52, height = 560, onOpen, more } = props;
  const few = useMediaQuery('(max-width: 36em)') === true && props.columns.some(({ onPhone }) => onPhone);
  const columns = few ? props.columns.filter(({ onPhone }) => onPhone) : props.columns;
  const minWidth = few ? 0 : (props.minWidth ?? 640);
  const viewport = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => viewport.current,
    estimateSize: () => rowHeight,
    overscan: 12,
  });
  const shown = virtual.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  const nearEnd = more?.has === true && !more.loading && last >= rows.length - 20;
  useEffect(() => {
    if (nearEnd) more?.load();
  }, [nearEnd, more]);
  const gridTemplateColumns = columns.map(({ width }) => width).join(' ');
  return (
    <Box className={classes['frame']}>
      <ScrollArea.Autosize mah={height} viewportRef={viewport} type="auto" offsetScrollbars="present">
        <table
          aria-label={label}
          aria-rowcount={more?.has ? -1 : rows.length + 1}
          className={classes['table']}
          style={{ minWidth }}
        >
          <thead>
            <tr aria-rowindex={1} className={classes['head']} style={{ gridTemplateColumns }}>
              {columns.map(({ key, title }) => (
                <th scope="col" key={key} className={classes['cell']}>
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody style={{ height: virtual.getTotalSize() }}>
            {shown.map(({ index, start }) => {
              const row = rows[index] as Row;
              return (
                <tr
                  key={rowKey(row)}
                  aria-rowindex={index + 2}
                  className={onOpen === undefined ? classes['row'] : `${classes['row']} ${classes['opens']}`}
                  style={{ gridTemplateColumns, height: rowHeight, transform: `translateY(${start}px)` }}
                  onClick={onOpen && (() => onOpen(row))}
                  onKeyDown={onOpen && ((event) => isEnterOn(event) && onOpen(row))}
                  tabIndex={onOpen === undefined ? undefined : 0}
                >
                  {columns.map(({ key, cell }) => (
                    <Cell key={key} of={cell(row)} />
                  ))}
                </tr>
              );
            })}
          </tbody>
        </table>
      </ScrollArea.Autosize>
      <Text size="xs" c="dimmed" px="md" py={6} aria-live="polite">
        {more?.loading ? text.parts.more : `${text.parts.rows(rows.length)}${more?.has ? '+' : ''}`}
      </Text>
    </Box>
  );
}

/** What is too long for it is told whole on hovering. */
function Cell({ of }: { readonly of: ReactNode }) {
  return (
    <td className={classes['cell']} title={typeof of === 'string' ? of : undefined}>
      {of}
    </td>
  );
}

/** Enter on the row itself, not on a button within it. */
function isEnterOn(event: KeyboardEvent<HTMLElement>): boolean {
  return event.key === 'Enter' && event.target === event.currentTarget;
}
