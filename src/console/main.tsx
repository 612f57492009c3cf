/** Starts the console: theme, queries, who is signed in, and the screen of the address. */
import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import { MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { BrowserRouter, Route, Routes } from 'react-router';
import { ApiProblem } from './api/client.ts';
import { SessionGate, SignedInPage } from './session/session.tsx';
import { SignedOut } from './session/token.ts';
import { ForAreas, NotFound } from './shell/not-found.tsx';
import { SCREENS } from './shell/screens.tsx';
import { Shell } from './shell/shell.tsx';
import { readable, theme } from './shell/theme.ts';

const nonce = document.querySelector<HTMLMetaElement>('meta[name="style-nonce"]')?.content ?? '';
// Where the library that keeps a page still behind a dialogue looks for it.
Object.assign(globalThis, { __webpack_nonce__: nonce });

/** Whoever finds the session over has it asked for anew, and so the sign-in page shown. */
const onError = (error: Error) => {
  if (error instanceof SignedOut) void queries.invalidateQueries({ queryKey: ['me'] });
};

const queries: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError: (error, { queryKey }) => queryKey[0] !== 'me' && onError(error) }),
  mutationCache: new MutationCache({ onError }),
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      // What the server refuses once it refuses again; a network may recover.
      retry: (failures, error) => failures < 2 && !(error instanceof ApiProblem) && !(error instanceof SignedOut),
    },
  },
});

const root = document.getElementById('console');
if (root === null) throw new Error('the page has no place for the console');
createRoot(root).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      cssVariablesResolver={readable}
      defaultColorScheme="auto"
      getStyleNonce={() => nonce}
    >
      <Notifications />
      <QueryClientProvider client={queries}>
        <BrowserRouter basename="/console">
          <Routes>
            <Route path="/signed-in" element={<SignedInPage />} />
            <Route
              element={
                <SessionGate>
                  <Shell />
                </SessionGate>
              }
            >
              {SCREENS.map(({ path, areas, component: Screen }) => (
                <Route
                  key={path}
                  path={path === '' ? '/' : `/${path}/*`}
                  element={
                    <ForAreas areas={areas}>
                      <Screen />
                    </ForAreas>
                  }
                />
              ))}
              <Route path="*" element={<NotFound />} />
            </Route>
          </Routes>
        </BrowserRouter>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
