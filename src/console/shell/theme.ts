/** Colours and shapes. Quiet texts are darker than the library's, to be read by everybody (WCAG AA). */
import { type CSSVariablesResolver, createTheme, DEFAULT_THEME } from '@mantine/core';

export const theme = createTheme({
  primaryColor: 'indigo',
  primaryShade: { light: 7, dark: 8 },
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
});

const COLOURS = Object.keys(DEFAULT_THEME.colors);

export const readable: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': 'var(--mantine-color-gray-7)',
    ...Object.fromEntries(
      COLOURS.map((name) => [`--mantine-color-${name}-light-hover`, `var(--mantine-color-${name}-light)`]),
    ),
  },
  dark: { '--mantine-color-dimmed': 'var(--mantine-color-dark-1)' },
});
