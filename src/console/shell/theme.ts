/** Colours and shapes. Quiet texts and filled buttons are darker than the library's, to be read by everybody (WCAG AA). */
import {
  type CSSVariablesResolver,
  createTheme,
  DEFAULT_THEME,
  Drawer,
  Modal,
  Notification,
  Tabs,
} from '@mantine/core';
import { text } from '../text/text.ts';

export const theme = createTheme({
  primaryColor: 'indigo',
  primaryShade: { light: 7, dark: 8 },
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Modal: Modal.extend({ defaultProps: { closeButtonProps: { 'aria-label': text.parts.close } } }),
    Drawer: Drawer.extend({ defaultProps: { closeButtonProps: { 'aria-label': text.parts.close } } }),
    Notification: Notification.extend({ defaultProps: { closeButtonProps: { 'aria-label': text.parts.close } } }),
    Tabs: Tabs.extend({
      // On a phone they are reached sideways, in one line.
      styles: { list: { flexWrap: 'nowrap', overflowX: 'auto', overflowY: 'hidden' }, tab: { flex: 'none' } },
    }),
  },
});

const COLOURS = Object.keys(DEFAULT_THEME.colors);

export const readable: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': 'var(--mantine-color-gray-7)',
    ...Object.assign({}, ...COLOURS.map(tint)),
  },
  dark: { '--mantine-color-dimmed': 'var(--mantine-color-dark-1)' },
});

function tint(name: string): Record<string, string> {
  return {
    [`--mantine-color-${name}-filled`]: `var(--mantine-color-${name}-9)`,
    [`--mantine-color-${name}-filled-hover`]: `color-mix(in srgb, var(--mantine-color-${name}-9) 88%, black)`,
    [`--mantine-color-${name}-light-hover`]: `var(--mantine-color-${name}-light)`,
    [`--mantine-color-${name}-light-color`]: `color-mix(in srgb, var(--mantine-color-${name}-9) 70%, black)`,
  };
}
