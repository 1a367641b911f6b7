import { existsSync } from 'node:fs';
import { type Browser, chromium, type Frame, type Locator, type Page } from 'playwright-core';
import { inject } from 'vitest';
import { until } from '../support/harness.ts';

const PATH = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';

/** Why there can be no browser, or undefined. */
export const noBrowser = existsSync(PATH) ? undefined : `no Chromium at ${PATH}: install it, or set CHROMIUM_PATH`;

const FLAGS =
  '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';

export const openBrowser = (): Promise<Browser> => chromium.launch({ executablePath: PATH, args: FLAGS.split(' ') });

/** What a page says stands after a bold word: the name to pick, word for word. */
export const nameAfter = (text: string, label: string): string => {
  const found = new RegExp(`${label}: ((?:approve|deny|answer|signal revoke) \\S+ \\w+)`).exec(text)?.[1];
  if (found === undefined) throw new Error(`the page names no signal after ${label}:\n${text}`);
  return found.replace(/^signal /, '');
};

/** The first input to paste that the page gives after these words. */
export const pasteAfter = (text: string, words: string): Record<string, unknown> => {
  const found = /\{[\s\S]*?\n\}/.exec(text.slice(text.indexOf(words)))?.[0];
  if (!text.includes(words) || found === undefined) throw new Error(`the page gives no input after ${words}:\n${text}`);
  return JSON.parse(found) as Record<string, unknown>;
};

/** Someone with nothing but the Temporal UI: reads the page, opens the menu, picks, types, submits. */
export class Reviewer {
  readonly page: Page;
  /** Addresses outside of this machine that the browser asked for. */
  readonly strayed: string[] = [];

  constructor(page: Page) {
    this.page = page;
    page.on('request', (request) => {
      const { protocol, hostname } = new URL(request.url());
      if (protocol.startsWith('http') && hostname !== '127.0.0.1') this.strayed.push(request.url());
    });
  }

  /** Opens a task's page as the list links it. */
  async open(taskId: string, runId: string): Promise<void> {
    await this.page.goto(`${inject('temporal').ui}/namespaces/default/workflows/${taskId}/${runId}/user-metadata`);
  }

  /** Opens the list of tasks by a filter, as a bookmark does. @returns the ids that it shows, once `taskId` is among them */
  async list(query: string, taskId: string): Promise<readonly string[]> {
    return await until(
      async () => {
        await this.page.goto(
          `${inject('temporal').ui}/namespaces/default/workflows?query=${encodeURIComponent(query)}`,
        );
        const link = this.page.getByRole('link', { name: taskId });
        await link
          .first()
          .waitFor({ timeout: 3_000 })
          .catch(() => undefined);
        const found = await this.page.getByRole('link', { name: /^t-/ }).allInnerTexts();
        return found.includes(taskId) ? found : undefined;
      },
      `the list shows ${taskId}`,
      20_000,
    );
  }

  /** Reads the page anew, as with the key R, until it shows what is looked for. */
  readAgain(shows: RegExp): Promise<string> {
    return until(
      async () => {
        await this.page.reload();
        return this.read(shows, 4_000).catch(() => undefined);
      },
      `the page shows ${shows}`,
      30_000,
    );
  }

  /** The frame of the current details, once it shows what is looked for. */
  details(shows: RegExp, timeoutMs = 20_000): Promise<Frame> {
    return until(
      async () => {
        for (const frame of this.page.frames().slice(1)) {
          const text = await frame
            .locator('body')
            .innerText({ timeout: 1_000 })
            .catch(() => '');
          if (shows.test(text)) return frame;
        }
        return undefined;
      },
      `the page shows ${shows}`,
      timeoutMs,
    );
  }

  /** The text of the page, as it is read. */
  async read(shows: RegExp, timeoutMs?: number): Promise<string> {
    return (await this.details(shows, timeoutMs)).locator('body').innerText();
  }

  async signal(name: string, input?: string): Promise<void> {
    const dialog = await this.#fill('Send a Signal', name, input);
    await this.#submit(dialog, dialog, 'hidden');
  }

  /** Sends a signal by a name that the list does not have: a page was left open for too long. */
  async signalByHand(name: string): Promise<void> {
    const dialog = await this.#openDialog('Send a Signal');
    await dialog.getByTestId('signal-select-button').click();
    await dialog.getByRole('option', { name: 'Custom' }).click();
    await dialog.getByLabel('Signal name').last().fill(name);
    await this.#submit(dialog, dialog, 'hidden');
  }

  /** Sends an update that is refused, reads why in the dialog, and gives up. */
  async refusedUpdate(name: string, input: string, why: RegExp): Promise<void> {
    const dialog = await this.#fill('Send an Update', name, input);
    await this.#submit(dialog, dialog.getByText(why), 'visible');
    await dialog.getByRole('button', { name: 'Cancel' }).last().click();
    await dialog.waitFor({ state: 'hidden' });
  }

  /** Leaving the editor formats the input and moves the button away from under the first click: it is clicked again. */
  async #submit(dialog: Locator, sign: Locator, state: 'hidden' | 'visible'): Promise<void> {
    await until(
      async () => {
        await dialog
          .getByRole('button', { name: 'Submit' })
          .click({ timeout: 1_000 })
          .catch(() => undefined);
        return sign.waitFor({ state, timeout: 2_000 }).then(
          () => true,
          () => undefined,
        );
      },
      'the dialog took the input',
      20_000,
    );
  }

  async #openDialog(item: string): Promise<Locator> {
    await this.page.getByRole('button', { name: 'More Actions' }).click();
    await this.page.getByRole('menuitem', { name: item }).click();
    return this.page.locator('dialog[open]');
  }

  async #fill(item: string, name: string, input?: string): Promise<Locator> {
    const dialog = await this.#openDialog(item);
    const kind = item === 'Send a Signal' ? 'signal' : 'update';
    await dialog.getByTestId(`${kind}-select-button`).click();
    await dialog.getByRole('option').filter({ hasText: name }).click();
    if (input !== undefined) {
      await dialog.locator('.cm-content').click();
      await this.page.keyboard.insertText(input);
    }
    return dialog;
  }
}
