import { ask, type Problem } from '../../lib/ask';
import type { Schemas } from '../../lib/office';
import { session } from '../../lib/session.svelte';
import { status } from '../../lib/status.svelte';
import { textsOf } from './texts';

type Settings = { [name in keyof Schemas['Settings']]: Schemas['Settings'][name] | undefined };

/** Saver keeps changes of one's settings, one after another. */
class Saver {
  problem = $state.raw<Problem | undefined>();
  /** stale is true when the settings were changed elsewhere: they are shown as they are now. */
  stale = $state(false);
  #last: Promise<unknown> = Promise.resolve();

  /** save keeps a change of the settings; false when the office did not take it. */
  save(change: Settings): Promise<boolean> {
    const done = this.#last.then(() => this.#save(change));
    this.#last = done;
    return done;
  }

  async #save(change: Settings): Promise<boolean> {
    const now = session.me?.settings;
    if (!now) return false;
    const next = Object.fromEntries(Object.entries({ ...now.settings, ...change }).filter(([, v]) => v !== undefined));
    const answer = await ask<Schemas['SettingsAnswer']>('PUT', '/v1/me/settings', next, { version: now.version, key: crypto.randomUUID() });
    this.stale = !answer.ok && answer.problem.code === 'stale';
    this.problem = answer.ok || this.stale ? undefined : answer.problem;
    if (answer.ok) {
      session.settle(answer.value);
      status.say(textsOf(session.lang).kept);
    } else if (this.stale) {
      await session.load();
    }
    return answer.ok;
  }
}

export const saver = new Saver();
