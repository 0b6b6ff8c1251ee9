// What the policy of the page lets through and what it stops, in a real browser.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Server, openPage, signInOnPage, startBrowser } from './support.mjs';

// What the page itself breaks, as the browser sees it.
async function watched(browser) {
  const page = await openPage(browser);
  page.broken = [];
  await page.exposeFunction('noteBroken', (what) => page.broken.push(what));
  await page.addInitScript(() => addEventListener('securitypolicyviolation', (event) =>
    window.noteBroken(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`)));
  return page;
}

describe('the policy of the page', () => {
  let browser, server;
  before(async () => {
    browser = await startBrowser();
    server = await Server.start();
    await server.furnish();
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  it('lets the whole page work: wasm, styles, socket, the dialog', async () => {
    const page = await watched(browser);
    await signInOnPage(page, server.url);
    await page.getByRole('button', { name: 'Nueva orden' }).first().click();
    await page.getByRole('dialog').waitFor();
    assert.deepEqual(page.broken, []);
    await page.context().close();
  });

  it('stops a script that got into the page, and one of elsewhere', async () => {
    const page = await watched(browser);
    await page.goto(server.url);
    await page.evaluate(() => {
      for (const change of [(script) => { script.textContent = 'window.ran = true'; }, (script) => { script.src = 'https://evil.example/x.js'; }]) {
        const script = document.createElement('script');
        change(script);
        document.body.append(script);
      }
      const image = document.createElement('img');
      image.setAttribute('onerror', 'window.ran = true');
      image.src = 'data:,';
      document.body.append(image);
    });
    await assert.doesNotReject(async () => {
      while (page.broken.length < 3) await new Promise((resolve) => setImmediate(resolve));
    });
    assert.equal(await page.evaluate(() => window.ran), undefined);
    assert.deepEqual(page.broken.map((what) => what.split(' ')[0]).sort(), ['script-src-attr', 'script-src-elem', 'script-src-elem']);
    await page.context().close();
  });

  it('lets the page of the API work', async () => {
    const page = await watched(browser);
    await page.goto(`${server.url}/docs/`);
    await page.getByText('/auth/login').first().waitFor();
    assert.deepEqual(page.broken, []);
    await page.context().close();
  });

  it('lets nobody put the page into a frame', async () => {
    const answer = await fetch(server.url);
    assert.match(answer.headers.get('content-security-policy'), /frame-ancestors 'none'/);
    assert.doesNotMatch(answer.headers.get('content-security-policy'), /'unsafe-eval'|script-src[^;]*'unsafe-inline'/);
  });
});
