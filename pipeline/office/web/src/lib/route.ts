import { tick } from 'svelte';
import { readable } from 'svelte/store';
import paths from '../../routes.json';

/** Place is where the page is: the path of a screen, and the filters that stand in the address. No plate ever stands there. */
export interface Place {
  path: string;
  /** screen is the entry of routes.json that the path is of: /case/{case_id} for one case. */
  screen: string;
  query: URLSearchParams;
  /** known is false for a path that no screen has. */
  known: boolean;
}

/** screenOf is the entry of routes.json for a path; '' for none. What stands in braces is a random id. */
export function screenOf(path: string): string {
  if (paths.includes(path)) return path;
  const parts = path.split('/');
  const isIn = (p: string, i: number) => (p.startsWith('{') ? /^[0-9a-f-]{36}$/.test(parts[i] ?? '') : p === parts[i]);
  return paths.find((p) => p.includes('{') && p.split('/').length === parts.length && p.split('/').every(isIn)) ?? '';
}

function readPlace(): Place {
  const screen = screenOf(location.pathname);
  return { path: location.pathname, screen, query: new URLSearchParams(location.search), known: screen !== '' };
}

let publish: (p: Place) => void = () => {};

/** place follows the address. */
export const place = readable(readPlace(), (set) => {
  publish = set;
  const follow = () => set(readPlace());
  addEventListener('popstate', follow);
  set(readPlace());
  return () => removeEventListener('popstate', follow);
});

/** goTo opens a screen and puts the focus on its heading. */
export async function goTo(address: string): Promise<void> {
  history.pushState(null, '', address);
  publish(readPlace());
  await focusHeading();
}

/** setFilter writes a filter into the address without a new entry in the history; an empty value takes it out. */
export function setFilter(name: string, value: string): void {
  const query = new URLSearchParams(location.search);
  if (value) query.set(name, value);
  else query.delete(name);
  const text = query.toString();
  history.replaceState(history.state, '', location.pathname + (text ? `?${text}` : ''));
  publish(readPlace());
}

/** focusHeading puts the focus on the heading of the screen, so that a screen reader says where the reader is. */
export async function focusHeading(): Promise<void> {
  await tick();
  document.querySelector<HTMLElement>('main h1')?.focus();
}

/** followLinks lets links to screens change the screen without loading the page anew. The language stays in the address. */
export function followLinks(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.target as Element | null)?.closest('a');
  if (!link || link.target || link.origin !== location.origin || !screenOf(link.pathname)) return;
  if (link.hash && link.pathname === location.pathname) return; // within the page
  event.preventDefault();
  const query = new URLSearchParams(link.search);
  const lang = new URLSearchParams(location.search).get('lang');
  if (lang && !query.has('lang')) query.set('lang', lang);
  const text = query.toString();
  void goTo(link.pathname + (text ? `?${text}` : ''));
}
