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

  /** The frame of the current details, once it shows what is looked for. */
  details(shows: RegExp): Promise<Frame> {
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
      20_000,
    );
  }

  /** The text of the page, as it is read. */
  async read(shows: RegExp): Promise<string> {
    return (await this.details(shows)).locator('body').innerText();
  }

  async signal(name: string, input?: string): Promise<void> {
    const dialog = await this.#fill('Send a Signal', name, input);
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

  async #fill(item: string, name: string, input?: string): Promise<Locator> {
    await this.page.getByRole('button', { name: 'More Actions' }).click();
    await this.page.getByRole('menuitem', { name: item }).click();
    const kind = item === 'Send a Signal' ? 'signal' : 'update';
    const dialog = this.page.locator('dialog[open]');
    await dialog.getByTestId(`${kind}-select-button`).click();
    await dialog.getByRole('option').filter({ hasText: name }).click();
    if (input !== undefined) {
      await dialog.locator('.cm-content').click();
      await this.page.keyboard.insertText(input);
    }
    return dialog;
  }
}
